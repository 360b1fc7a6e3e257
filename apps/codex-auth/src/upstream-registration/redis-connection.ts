import { isIP } from 'node:net';
import type { Logger } from '@codex-gateways/service';
import { createClient } from '@redis/client';
import { failureReason } from '../upstream/failure-reason.ts';

export interface RedisConnectionOptions {
  /** `redis://host:port/database`, or `rediss://` for TLS; without credentials. */
  readonly url: string;
  /** An ACL user; undefined for the default one. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM; undefined for the authorities that Node.js trusts. */
  readonly certificateAuthority?: string | undefined;
  /** Of connecting, and of one command with the connecting that it needs. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

export type RedisClient = ReturnType<typeof connectionOf>;

/** Redis did not do what it was asked. The message has no credential. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

/**
 * One connection to Redis, made when it is needed: after any failure the next command makes a new one, so that a server which comes
 * back, moves, or has gone silent needs no state here.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  #client: RedisClient | undefined;
  #connecting: Promise<unknown> = Promise.resolve();

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** @throws {RedisUnavailableError} whatever went wrong, within `timeoutMs` */
  async run<Result>(command: (client: RedisClient) => Promise<Result>): Promise<Result> {
    const client = this.#ensureClient();
    const { timeoutMs, url } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    const work = this.#connecting.then(() => command(client));
    work.catch(() => undefined); // may fail after the deadline has decided
    try {
      return await Promise.race([work, deadline]);
    } catch (error) {
      this.#drop(client);
      throw new RedisUnavailableError(`Redis at ${new URL(url).host}: ${failureReason(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
  }

  #ensureClient(): RedisClient {
    if (this.#client) return this.#client;
    const client = connectionOf(this.#options);
    client.on('error', (error: Error) => {
      this.#options.log.debug({ err: error }, 'the connection to Redis broke');
      this.#drop(client);
    });
    this.#client = client;
    this.#connecting = client.connect();
    this.#connecting.catch(() => undefined); // told to whoever waits for it
    return client;
  }

  #drop(client: RedisClient): void {
    if (this.#client === client) this.#client = undefined;
    if (client.isOpen) client.destroy();
  }
}

function connectionOf({ url, username, password, certificateAuthority, timeoutMs }: RedisConnectionOptions) {
  const { hostname, protocol } = new URL(url);
  const common = { connectTimeout: timeoutMs, reconnectStrategy: false as const };
  const tls = {
    ...common,
    tls: true as const,
    ...(isIP(hostname.replace(/^\[|\]$/g, '')) ? {} : { servername: hostname }),
    ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
  };
  return createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    name: 'codex-auth',
    maintNotifications: 'disabled',
    socket: protocol === 'rediss:' ? tls : common,
  });
}
