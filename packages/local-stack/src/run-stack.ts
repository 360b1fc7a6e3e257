import { ConfigError, type Environment } from '@codex-gateways/service';
import { readPlace } from './config.ts';
import { describeStack } from './next-steps.ts';
import { oneLine, StackError } from './stack-error.ts';
import { type LocalStack, startLocalStack } from './start-local-stack.ts';

/** Signals that end the stack. A terminal and npm may both deliver the same Ctrl-C: only the first one counts. */
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the stack until it is asked to end.
 * @returns exit code: 0 after an orderly end, also when that came during the start; 1 when the stack cannot start
 */
export async function runStack(env: Environment, write: (text: string) => void): Promise<number> {
  const say = (line: string) => write(`${line}\n`);
  const ending = new AbortController();
  for (const signal of END_SIGNALS) process.on(signal, () => ending.abort());
  let stack: LocalStack;
  try {
    const place = readPlace(env);
    stack = await startLocalStack({ ...place, env, onLine: say, signal: ending.signal });
  } catch (error) {
    if (ending.signal.aborted) return 0;
    say(explain(error));
    return 1;
  }
  for (const line of describeStack(stack, env.CODEX_AUTH_ISSUER_URL || stack.urls.auth)) say(line);
  stack.markPasswordShown();
  await aborted(ending.signal);
  say('Stopping');
  await stack.stop();
  say('Stopped; the state is kept');
  return 0;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function explain(error: unknown): string {
  if (error instanceof StackError || error instanceof ConfigError) return oneLine(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
