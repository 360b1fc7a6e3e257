import type { KeyObject } from 'node:crypto';
import { type RsaPublicJwk, rsaPublicJwk, rsaPublicKey, type Sealer } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { SigningKey } from '@codex-gateways/tokens';
import { insertActiveKey, listKeys, type StoredKey } from './jwks-key-store.ts';
import type { KeyProvider } from './key-provider.ts';
import { makeSealedKey, openSigningKey } from './key-sealing.ts';

interface LoadedKeys {
  readonly active: SigningKey;
  readonly verification: ReadonlyMap<string, KeyObject>;
  readonly jwks: { readonly keys: readonly RsaPublicJwk[] };
}

/** How soon after one reading of the keys an unknown key id may cause another. */
const LEARN_INTERVAL_MS = 1000;

/** The issuer's keys: read at start and whenever they change, used from memory. */
export class SigningKeys implements KeyProvider {
  readonly #db: Queryable;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  #loaded: LoadedKeys | undefined;
  #loading: Promise<void> | undefined;
  #isStale = false;
  #loadedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ db, sealer, clock }: { db: Queryable; sealer: Sealer; clock: Clock }) {
    this.#db = db;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  /**
   * Makes the active key unless there is one, and reads all keys. Any number of replicas may do it at once: they end with the
   * same active key.
   * @throws {UnsealError} when no configured master key opens the stored key
   */
  async ensureActiveKey(): Promise<void> {
    const stored = await listKeys(this.#db);
    if (!stored.some((key) => key.status === 'active')) {
      await insertActiveKey(this.#db, await makeSealedKey(this.#sealer), this.#clock.now());
    }
    await this.reload();
  }

  /**
   * Reads the keys again. Calls made while one runs share a second run after it, so that each sees what was there when it was
   * made.
   */
  async reload(): Promise<void> {
    if (this.#loading) {
      this.#isStale = true;
      await this.#loading.catch(() => undefined);
      if (!this.#isStale) return this.#loading;
    }
    this.#isStale = false;
    this.#loading = this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async learn(kid: string): Promise<boolean> {
    const isDue = performance.now() - this.#loadedAtMs >= LEARN_INTERVAL_MS;
    if (this.#keys().verification.has(kid) || !isDue) return false;
    await this.reload();
    return this.#keys().verification.has(kid);
  }

  active(): SigningKey {
    return this.#keys().active;
  }

  verificationKey(kid: string): KeyObject | undefined {
    return this.#keys().verification.get(kid);
  }

  jwks(): { readonly keys: readonly RsaPublicJwk[] } {
    return this.#keys().jwks;
  }

  #keys(): LoadedKeys {
    if (!this.#loaded) throw new TypeError('signing keys are used after ensureActiveKey');
    return this.#loaded;
  }

  async #read(): Promise<void> {
    this.#loadedAtMs = performance.now();
    const stored = await listKeys(this.#db);
    const active = stored.find((key) => key.status === 'active');
    if (!active) throw new TypeError('there is always an active key after one was inserted');
    const known = this.#loaded?.active;
    this.#loaded = {
      // One that is in memory stays usable while other replicas already seal under the next master key.
      active: known?.kid === active.kid ? known : openSigningKey(this.#sealer, active),
      verification: new Map(stored.map((key) => [key.kid, this.#verificationKeyOf(key)])),
      jwks: { keys: stored.map((key) => rsaPublicJwk(key)) },
    };
  }

  #verificationKeyOf({ kid, publicN, publicE }: StoredKey): KeyObject {
    return this.#loaded?.verification.get(kid) ?? rsaPublicKey({ n: publicN, e: publicE });
  }
}
