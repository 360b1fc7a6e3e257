import { setTimeout as delay } from 'node:timers/promises';
import { type EmbeddedPostgres, PortTakenError, startEmbeddedPostgres } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import { oneLine, StackError } from './stack-error.ts';

const RESTART_MS = 500;
const LONGEST_RESTART_MS = 10_000;
const DATABASE = 'codex_gateways';

export interface SupervisedDatabaseOptions {
  readonly dataDirectory: string;
  readonly port: number;
  readonly password: string;
  readonly log: Logger;
  readonly onLine: (line: string) => void;
}

/** The embedded PostgreSQL of a stack, started again when it dies. */
export class SupervisedDatabase {
  readonly #options: SupervisedDatabaseOptions;
  #server: EmbeddedPostgres;
  readonly #stopped = new AbortController();
  #watching: Promise<void>;

  private constructor(options: SupervisedDatabaseOptions, server: EmbeddedPostgres) {
    this.#options = { ...options, port: server.port };
    this.#server = server;
    this.#watching = this.#watch();
  }

  /** @throws {StackError} the server cannot start */
  static async start(options: SupervisedDatabaseOptions): Promise<SupervisedDatabase> {
    const server = await launch(options);
    await server.ensureDatabase(DATABASE);
    return new SupervisedDatabase(options, server);
  }

  get url(): string {
    return this.#server.url(DATABASE);
  }

  get pid(): number {
    return this.#server.pid;
  }

  get port(): number {
    return this.#server.port;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#server.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { onLine } = this.#options;
    let retryMs = RESTART_MS;
    for (;;) {
      await this.#server.ended;
      if (this.#stopped.signal.aborted) return;
      onLine(`PostgreSQL ended; starting it again in ${retryMs / 1000} s`);
      await delay(retryMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      try {
        this.#server = await launch(this.#options);
        retryMs = RESTART_MS;
        onLine('PostgreSQL is ready again');
      } catch (error) {
        onLine(oneLine(error));
        retryMs = Math.min(retryMs * 2, LONGEST_RESTART_MS);
      }
    }
  }
}

async function launch({ dataDirectory, port, password, log }: SupervisedDatabaseOptions): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres({ dataDirectory, port, user: 'codex_gateways', password, log });
  } catch (cause) {
    const hint = cause instanceof PortTakenError ? '; set LOCAL_POSTGRES_PORT to use another' : '';
    throw new StackError(`PostgreSQL does not start: ${oneLine(cause)}${hint}`, { cause });
  }
}
