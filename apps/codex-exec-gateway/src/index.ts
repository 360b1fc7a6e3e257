export { type Config, readConfig } from './config.ts';
export { createExecGateway, type ExecGateway, type ExecGatewayDeps } from './service.ts';
