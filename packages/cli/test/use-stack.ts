import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type LocalStack, startLocalStack } from '@codex-gateways/local-stack';
import { type Cleanup, freePort, type Page } from '@codex-gateways/testing';

/** What may take long on a machine that does much else; no test here is about these limits. */
const PATIENCE = {
  CODEX_AUTH_EXEC_GATEWAY_TIMEOUT: '30s',
  CXG_VERIFY_TIMEOUT: '30s',
  CXG_APP_SERVER_START_TIMEOUT: '2m',
};

/** The real services over a real PostgreSQL, for the tests of one file. */
export async function startStack(cleanup: Cleanup, env: Record<string, string> = {}): Promise<LocalStack> {
  const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url)); // not below /tmp: the Codex CLI refuses that
  await mkdir(cache, { recursive: true });
  const stateDirectory = await mkdtemp(`${cache}stack-`);
  cleanup.after(() => rm(stateDirectory, { recursive: true, force: true }));
  // Ports that nobody else takes while a service is stopped.
  const ports = { auth: await freePort(), app: await freePort(), exec: await freePort(), postgres: await freePort() };
  const stack = await startLocalStack({ stateDirectory, ports, env: { ...PATIENCE, ...env } });
  cleanup.after(() => stack.stop());
  return stack;
}

/** Fills codex-auth's sign-in page, if the browser shows it. */
export async function fillSignIn(page: Page, { devUser }: Pick<LocalStack, 'devUser'>): Promise<void> {
  await page.getByLabel('Email').fill(devUser.email);
  await page.getByLabel('Password').fill(devUser.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
