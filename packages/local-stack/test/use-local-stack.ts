import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type Cleanup,
  type CodexHome,
  lastToolOutput,
  type Page,
  runCommand,
  say,
  startCodex,
  startModelServer,
} from '@codex-gateways/testing';
import { type LocalStack, type LocalStackOptions, parseReplicas, startLocalStack } from '../src/index.ts';
import { approveDeviceCode } from './person.ts';

/** Any free ports. */
export const FREE_PORTS = { auth: 0, app: 0, exec: 0, postgres: 0 } as const;

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
  const stack = await startLocalStack({ ports: FREE_PORTS, replicas: STACK_REPLICAS, ...options, stateDirectory });
  cleanup.after(() => stack.stop());
  return stack;
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
  const [, userCode = ''] = await login.waitForOutput(/([B-Z]{4}-[B-Z]{4})/, 15_000);
  const verificationUrl = `${stack.urls.auth}/codex/device`;
  await approveDeviceCode(page, { verificationUrl, userCode, credentials: stack.devUser });
  return login.exited;
}
