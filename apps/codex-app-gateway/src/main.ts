import { createLogger, runProcess } from '@codex-gateways/service';
import { readConfig } from './config.ts';
import { closeInheritedDescriptors } from './inherited-descriptors.ts';
import { createAppGateway } from './service.ts';

closeInheritedDescriptors();
await runProcess(process.env, (env) => {
  const config = readConfig(env);
  const log = createLogger({ service: 'codex-app-gateway', level: config.logLevel });
  return { service: createAppGateway(config, { log, path: env.PATH ?? '' }), log };
});
