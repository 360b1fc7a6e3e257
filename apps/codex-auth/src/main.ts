#!/usr/bin/env node
import { createLogger, runProcess } from '@codex-gateways/service';
import { readConfig } from './config.ts';
import { createAuthService } from './service.ts';

await runProcess(process.env, (env) => {
  const config = readConfig(env);
  const log = createLogger({ service: 'codex-auth', level: config.logLevel });
  return { service: createAuthService(config, { log }), log };
});
