import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Cleanup,
  type CodexHome,
  freePort,
  lastToolOutput,
  type Page,
  runCommand,
  say,
  startCodex,
  startModelServer,
} from '@codex-gateways/testing';
import type { StackPorts } from '../src/config.ts';
import { type LocalStack, type LocalStackOptions, parseReplicas, startLocalStack } from '../src/index.ts';
import { approveDeviceCode } from './person.ts';

/** What may take long on a machine that does much else; no test here is about these limits. */
const PATIENCE = {
  CODEX_AUTH_EXEC_GATEWAY_TIMEOUT: '30s',
  CXG_VERIFY_TIMEOUT: '30s',
  CXG_APP_SERVER_START_TIMEOUT: '2m',
  CXG_APP_SERVER_DIAL_TIMEOUT: '1m',
  CXG_UPGRADE_TIMEOUT: '3m',
};

/** Ports that nobody else takes while a stack is stopped, or a part of it was killed. */
export async function reservePorts(): Promise<StackPorts> {
  return { auth: await freePort(), app: await freePort(), exec: await freePort(), postgres: await freePort() };
}

/** A state folder that is removed after the tests. */
export async function newStateDirectory(cleanup: Cleanup): Promise<string> {
  // Not among the temporary files: there the app-server's CLI refuses to link its helper programs.
  const folder = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const stateDirectory = await mkdtemp(`${folder}stack-`);
  cleanup.after(() => rm(stateDirectory, { recursive: true, force: true }));
  return stateDirectory;
}

/** The replicas that the end-to-end tests run on: `STACK_REPLICAS`, such as auth=2,exec=3,app=2; one of each without it. */
export const STACK_REPLICAS = process.env.STACK_REPLICAS ? parseReplicas(process.env.STACK_REPLICAS) : undefined;

/** A stack that ends after the tests. */
export async function startTestStack(
  cleanup: Cleanup,
  options: Omit<LocalStackOptions, 'stateDirectory'> & { stateDirectory?: string } = {},
): Promise<LocalStack> {
  const stateDirectory = options.stateDirectory ?? (await newStateDirectory(cleanup));
  const ports = options.ports ?? (await reservePorts());
  const env = { ...PATIENCE, ...options.env };
  const stack = await startLocalStack({ replicas: STACK_REPLICAS, ...options, ports, env, stateDirectory });
  cleanup.after(() => stack.stop());
  return stack;
}

/** What the processes of a stack wrote at last, for the words of a wait that was given up. */
export function lastWordsOf({ logsFolder }: LocalStack): string {
  const logs = readdirSync(logsFolder).filter((name) => name.endsWith('.log'));
  const tailOf = (name: string) => readFileSync(join(logsFolder, name), 'utf8').trimEnd().split('\n').slice(-5);
  return logs.flatMap((name) => [`${name}:`, ...tailOf(name)]).join('\n');
}

/**
 * A model that has a marker printed which only the executor's environment knows, and repeats what it wrote.
 * @returns the settings by which a stack uses it
 */
export async function startMarkerModel(cleanup: Cleanup): Promise<Record<string, string>> {
  const model = await startModelServer({
    script: (request) => {
      const output = lastToolOutput(request);
      return output === undefined ? runCommand('echo "marker=$EXECUTOR_MARKER"') : say(`it wrote ${output}`);
    },
  });
  cleanup.after(() => model.close());
  return {
    CXG_MODEL: 'scripted',
    CXG_MODEL_PROVIDER: 'scripted',
    CXG_MODEL_PROVIDER_BASE_URL: model.url,
    CXG_MODEL_PROVIDER_ENV_KEY: 'SCRIPTED_MODEL_KEY',
    CXG_MODEL_PROVIDER_WIRE_API: 'responses',
    CXG_CODEX_API_KEY: 'not-checked',
  };
}

/** `codex login --device-auth`, approved by the first user in a browser. @returns how the CLI ended */
export async function logInWithDeviceCode(stack: LocalStack, { home, page }: { home: CodexHome; page: Page }) {
  const login = await startCodex({ args: ['login', '--device-auth', '--experimental_issuer', stack.urls.auth], home });
  const [, userCode = ''] = await login.waitForOutput(/([B-Z]{4}-[B-Z]{4})/, 60_000);
  const verificationUrl = `${stack.urls.auth}/codex/device`;
  await approveDeviceCode(page, { verificationUrl, userCode, credentials: stack.devUser });
  return login.exited;
}
