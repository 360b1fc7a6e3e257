import type { LocalStack } from '@codex-gateways/local-stack';
import type { Page, ProcessExit } from '@codex-gateways/testing';
import type { Machine } from './program.ts';
import { fillSignIn } from './use-stack.ts';

/** Logs in as a person does who opens the URL that the program shows. */
export async function signIn(
  machine: Machine,
  { stack, page, options = [] }: { stack: LocalStack; page: Page; options?: readonly string[] },
): Promise<ProcessExit> {
  const running = machine.start(['login', '--no-browser', '--server', stack.urls.auth, ...options]);
  const [, url = ''] = await running.waitForOutput(/(http:\/\/\S+\/oauth\/authorize\S+)/, 60_000);
  await page.goto(url);
  await fillSignIn(page, stack);
  await page.getByText('You are signed in').waitFor();
  return running.exited;
}
