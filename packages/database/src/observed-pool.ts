import pg from 'pg';

/**
 * Learns of a statement when it is sent.
 * @param statement - its name when it is prepared under one, otherwise its first word; never a value
 * @returns called once, when the answer is there, with the error if there is one; undefined to hear no more
 */
export type QueryObserver = (statement: string) => ((error: unknown) => void) | undefined;

/** A pool, and clients of it, that tell of each statement. */
export function createObservedPool(config: pg.PoolConfig, observer: QueryObserver): pg.Pool {
  class ObservedClient extends pg.Client {
    override query(...args: unknown[]): never {
      // With a callback it is the pool that asks, on behalf of a caller who is heard there.
      const send = () => super.query(...(args as Parameters<pg.Client['query']>)) as unknown;
      return (typeof args.at(-1) === 'function' ? send() : watched(args[0], send, observer)) as never;
    }
  }
  const pool = new pg.Pool({ ...config, Client: ObservedClient } as pg.PoolConfig);
  // Not a class of its own: there are libraries that know a pool by the name of its class.
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  return Object.assign(pool, {
    query: (...args: unknown[]) => watched(args[0], () => query(...args), observer),
  });
}

function watched(query: unknown, send: () => unknown, observer: QueryObserver): unknown {
  const ended = observer(statementOf(query));
  const answer = send();
  if (ended && answer instanceof Promise) {
    answer.then(
      () => ended(undefined),
      (error: unknown) => ended(error),
    );
  }
  return answer;
}

function statementOf(query: unknown): string {
  if (typeof query === 'string') return firstWord(query);
  const { name, text } = query as { name?: unknown; text?: unknown };
  return typeof name === 'string' ? name : firstWord(String(text));
}

function firstWord(text: string): string {
  return /[a-z]+/i.exec(text)?.[0].toLowerCase() ?? 'unknown';
}
