export { type Config, readConfig } from './config.ts';
export { type AuthService, type AuthServiceDeps, createAuthService } from './service.ts';
