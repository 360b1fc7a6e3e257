import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from './log.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export type NotificationHandler = (payload: string) => void;

export interface ListenerOptions {
  readonly databaseUrl: string;
  readonly log: Log;
  /** Called after each re-establishment: notifications may have been missed, so read the tables again. */
  readonly onReconnect?: () => void;
  /** How often an idle connection proves that it works, and how long the proof may take. */
  readonly heartbeatMs?: number;
  readonly heartbeatTimeoutMs?: number;
}

export interface Listener {
  /**
   * Subscribes a handler; resolves once the server has confirmed. Notifications sent after that are delivered, except
   * while the connection is down.
   * @param onReconnect - as in ListenerOptions, for this handler alone
   * @throws {Error} the listener was closed first
   */
  listen(channel: string, handler: NotificationHandler, onReconnect?: () => void): Promise<void>;
  readonly connected: boolean;
  /** Ends the connection; no handler is called afterwards. Idempotent. */
  close(): Promise<void>;
}

/** Opens one dedicated connection for LISTEN that re-establishes itself until it is closed. */
export function createListener(options: ListenerOptions): Listener {
  const connection = new ListenerConnection(options);
  return {
    listen: (channel, handler, onReconnect) => connection.listen({ channel, handler, onReconnect }),
    get connected() {
      return connection.connected;
    },
    close: () => connection.close(),
  };
}

interface Subscription {
  readonly channel: string;
  readonly handler: NotificationHandler;
  readonly onReconnect: (() => void) | undefined;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

class ListenerConnection {
  readonly #options: ListenerOptions;
  readonly #subscriptions: Subscription[] = [];
  readonly #waiters = new Map<Subscription, Waiter>();
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  listen(subscription: Subscription): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(new Error('the listener is closed'));
    this.#subscriptions.push(subscription);
    const confirmed = new Promise<void>((resolve, reject) => this.#waiters.set(subscription, { resolve, reject }));
    const client = this.#client;
    // A failure here breaks the connection, and the next one subscribes to everything again.
    if (client) this.#subscribe(client, [subscription]).catch((error: Error) => client.emit('error', error));
    this.#running ??= this.#run();
    return confirmed;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { reject } of this.#waiters.values()) reject(new Error('the listener is closed'));
    this.#waiters.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    let establishedBefore = false;
    while (!this.#closing.signal.aborted) {
      const client = this.#newClient();
      const attempt = new AbortController();
      try {
        const broken = brokenOrClosed(client, this.#closing.signal, attempt.signal);
        await Promise.race([client.connect(), broken]);
        this.#client = client;
        await Promise.race([this.#subscribe(client, this.#subscriptions), broken]);
        if (establishedBefore) this.#announceReconnect();
        establishedBefore = true;
        retryMs = FIRST_RETRY_MS;
        await Promise.race([this.#proveAlive(client, attempt.signal), broken]);
      } catch (error) {
        if (!this.#closing.signal.aborted) this.#options.log.warn({ err: error }, 'listener broke; reconnecting');
      }
      this.#client = undefined;
      attempt.abort();
      await discard(client);
      await this.#pause(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  #announceReconnect(): void {
    this.#announce([this.#options.onReconnect, ...this.#subscriptions.map(({ onReconnect }) => onReconnect)]);
  }

  #newClient(): pg.Client {
    const client = new pg.Client({
      connectionString: this.#options.databaseUrl,
      application_name: 'listener',
      connectionTimeoutMillis: LONGEST_RETRY_MS,
      keepAlive: true,
      query_timeout: this.#options.heartbeatTimeoutMs ?? 5_000,
    });
    client.on('notification', ({ channel, payload }) => {
      const handlers = this.#subscriptions.filter((each) => each.channel === channel);
      this.#announce(handlers.map((each) => () => each.handler(payload ?? '')));
    });
    return client;
  }

  async #subscribe(client: pg.Client, subscriptions: readonly Subscription[]): Promise<void> {
    for (const subscription of [...subscriptions]) {
      await client.query(`listen ${client.escapeIdentifier(subscription.channel)}`);
      this.#waiters.get(subscription)?.resolve();
      this.#waiters.delete(subscription);
    }
  }

  /** A peer that vanished without closing is noticed by its silence. Never returns: ends by a failed query. */
  async #proveAlive(client: pg.Client, signal: AbortSignal): Promise<never> {
    for (;;) {
      await delay(this.#options.heartbeatMs ?? 15_000, undefined, { signal, ref: false });
      await client.query('select 1');
    }
  }

  /** One handler's failure must not keep the others from hearing. */
  #announce(callbacks: readonly ((() => void) | undefined)[]): void {
    for (const callback of callbacks) {
      if (this.#closing.signal.aborted) return;
      try {
        callback?.();
      } catch (error) {
        this.#options.log.error({ err: error }, 'a notification handler failed');
      }
    }
  }

  /** Waits between half of the time and all of it, so that replicas do not reconnect in step. */
  async #pause(retryMs: number): Promise<void> {
    const jitteredMs = retryMs * (0.5 + Math.random() / 2);
    await delay(jitteredMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** Rejects when the connection breaks or the listener closes; `attemptOver` takes its listeners away. */
function brokenOrClosed(client: pg.Client, closing: AbortSignal, attemptOver: AbortSignal): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the server closed the connection')));
    closing.addEventListener('abort', () => reject(new Error('closed')), { once: true, signal: attemptOver });
  });
  broken.catch(() => undefined); // it may settle while nobody waits for it
  return broken;
}

/** Ends a client that may hang: asks politely, then cuts the socket. */
async function discard(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => undefined);
  await Promise.race([ended, delay(500, undefined, { ref: false })]);
  (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy();
}
