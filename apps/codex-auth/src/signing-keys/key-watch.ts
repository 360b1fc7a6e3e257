import { createListener, type Listener } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import { KEYS_CHANGED_CHANNEL } from './jwks-key-store.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface KeyWatchDeps {
  readonly databaseUrl: string;
  readonly keys: Pick<SigningKeys, 'reload'>;
  readonly rotation: Pick<KeyRotation, 'tick'>;
  readonly log: Logger;
  /** Between two looks at the table, for news that a replica missed and for what is due by the clock. */
  readonly intervalMs: number;
}

/** Keeps a replica's keys current: by message when another one changes them, and by looking again and again. */
export class KeyWatch {
  readonly #deps: KeyWatchDeps;
  #listener: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(deps: KeyWatchDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { databaseUrl, log, keys, intervalMs } = this.#deps;
    const listener = createListener({ databaseUrl, log });
    this.#listener = listener;
    const read = () => {
      keys.reload().catch((error: unknown) => log.warn({ err: error }, 'the signing keys could not be read again'));
    };
    await listener.listen(KEYS_CHANGED_CHANNEL, read, read);
    // For what changed between the first reading and the subscription.
    await keys.reload();
    this.#timer = setInterval(() => {
      if (!this.#isBusy) this.#running = this.#look();
    }, intervalMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#listener?.close();
    await this.#running;
  }

  async #look(): Promise<void> {
    this.#isBusy = true;
    try {
      await this.#deps.rotation.tick();
      await this.#deps.keys.reload();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'the signing keys could not be looked at');
    } finally {
      this.#isBusy = false;
    }
  }
}
