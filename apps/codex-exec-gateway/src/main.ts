#!/usr/bin/env node
import { createLogger, runProcess } from '@codex-gateways/service';
import { readConfig } from './config.ts';
import { createExecGateway } from './service.ts';

await runProcess(process.env, (env) => {
  const config = readConfig(env);
  const log = createLogger({ service: 'codex-exec-gateway', level: config.logLevel });
  return { service: createExecGateway(config, { log }), log };
});
