import { ConfigError, type Environment } from '@codex-gateways/service';
import { readArguments } from './arguments.ts';
import { readPlace } from './config.ts';
import { orderRestart } from './control.ts';
import { describeStack } from './next-steps.ts';
import { oneLine, StackError } from './stack-error.ts';
import { type LocalStack, startLocalStack } from './start-local-stack.ts';

export interface RunOptions {
  readonly env: Environment;
  /** `--replicas auth=2,exec=3,app=2`, or `--restart auth` for the stack that runs. */
  readonly args: readonly string[];
  /** Aborts when the stack is to end. */
  readonly ending: AbortSignal;
  readonly write: (text: string) => void;
}

/**
 * Runs the stack until it is asked to end.
 * @returns exit code: 0 after an orderly end, also when that came during the start; 1 when the stack cannot start
 */
export async function runStack({ env, args, ending, write }: RunOptions): Promise<number> {
  const say = (line: string) => write(`${line}\n`);
  let stack: LocalStack;
  try {
    const place = readPlace(env);
    const order = readArguments(args);
    if (order.kind === 'restart') {
      await orderRestart(place.stateDirectory, order.service, { onLine: say, signal: ending });
      return 0;
    }
    stack = await startLocalStack({ ...place, replicas: order.replicas, env, onLine: say, signal: ending });
  } catch (error) {
    if (ending.aborted) return 0;
    say(explain(error));
    return 1;
  }
  for (const line of describeStack(stack, env.CODEX_AUTH_ISSUER_URL || stack.urls.auth)) say(line);
  stack.markPasswordShown();
  await aborted(ending);
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
