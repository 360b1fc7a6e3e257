import { StartError } from '@codex-gateways/runtime';
import type { Environment } from './env-reader.ts';
import type { Logger } from './logger.ts';

/** A service from outside: it starts, stops taking work, and ends. */
export interface Service {
  start(): Promise<void>;
  /** Readiness turns false, new work is refused, running work may end. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Set by a parent process that wants its child to end with it: the child then ends when its IPC channel closes. */
export const PARENT_PIPE_VARIABLE = 'CODEX_GATEWAYS_PARENT_PIPE';

/**
 * Runs a service as a process: configuration, start, an orderly end on SIGTERM or SIGINT (a second one ends at once).
 * Exit code 0 after an orderly end; 1 after a failure, which a StartError explains in its own words.
 */
export async function runProcess(
  env: Environment,
  create: (env: Environment) => { service: Service; log: Logger },
): Promise<void> {
  const ended = endOfProcess(env);
  let running: { service: Service; log: Logger };
  try {
    running = create(env);
    await running.service.start();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
  const { service, log } = running;
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });
  log.info({ why: await ended }, 'stopping');
  try {
    await service.drain();
    await service.close();
  } catch (error) {
    log.error({ err: error }, 'stopping failed');
    process.exit(1);
  }
  process.exit(0);
}

/** Resolves with what asks the process to end. Listens from the first moment on: a signal during the start is kept until it is over. */
function endOfProcess(env: Environment): Promise<string> {
  return new Promise((resolve) => {
    let isEnding = false;
    const end = (why: string) => {
      if (isEnding) process.exit(1);
      isEnding = true;
      resolve(why);
    };
    process.on('SIGTERM', () => end('SIGTERM'));
    process.on('SIGINT', () => end('SIGINT'));
    if (env[PARENT_PIPE_VARIABLE] === '1') {
      process.once('disconnect', () => end('the parent process ended'));
      if (process.connected === false) end('the parent process ended'); // while this process was loading its modules
    }
  });
}

function explain(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
