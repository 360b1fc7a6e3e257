export { type Config, readConfig } from './config.ts';
export { type AppGateway, type AppGatewayDeps, createAppGateway } from './service.ts';
