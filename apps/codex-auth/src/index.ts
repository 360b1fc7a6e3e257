export { type AuthorizationServer, createAuthorizationServer } from './authorization-server.ts';
export { type Config, readConfig } from './config.ts';
export type { HostRouter } from './embedding.ts';
export type { AuthorizationServerConfig } from './embedding-config.ts';
export type { UpstreamTokenAccess } from './federation.ts';
export type { FoundationDeps } from './foundation.ts';
export { type AuthService, type AuthServiceDeps, createAuthService } from './service.ts';
export type { KeyProvider } from './signing-keys/key-provider.ts';
