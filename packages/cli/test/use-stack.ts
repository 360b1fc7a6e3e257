import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type LocalStack, startLocalStack } from '@codex-gateways/local-stack';
import type { Cleanup, Page } from '@codex-gateways/testing';

/** The real services over a real PostgreSQL, for the tests of one file. */
export async function startStack(cleanup: Cleanup, env: Record<string, string> = {}): Promise<LocalStack> {
  const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url)); // not below /tmp: the Codex CLI refuses that
  await mkdir(cache, { recursive: true });
  const stateDirectory = await mkdtemp(`${cache}stack-`);
  cleanup.after(() => rm(stateDirectory, { recursive: true, force: true }));
  const stack = await startLocalStack({ stateDirectory, env });
  cleanup.after(() => stack.stop());
  return stack;
}

/** Fills codex-auth's sign-in page, if the browser shows it. */
export async function fillSignIn(page: Page, { devUser }: Pick<LocalStack, 'devUser'>): Promise<void> {
  await page.getByLabel('Email').fill(devUser.email);
  await page.getByLabel('Password').fill(devUser.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
