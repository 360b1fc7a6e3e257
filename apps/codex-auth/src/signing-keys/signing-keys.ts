import type { KeyObject } from 'node:crypto';
import { type RsaPublicJwk, rsaPublicJwk, rsaPublicKey, type Sealer, UnsealError } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { SigningKey } from '@codex-gateways/tokens';
import { insertActiveKey, listKeys, type StoredKey } from './jwks-key-store.ts';
import type { KeyProvider } from './key-provider.ts';
import { makeSealedKey, openSigningKey } from './key-sealing.ts';

interface LoadedKeys {
  /** Undefined when what signs now does not open here, and what signed before was withdrawn. */
  readonly active: SigningKey | undefined;
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
   * @throws {UnsealError} another replica has sealed the active key under a master key that this one does not have; what is
   * public of the keys was read all the same
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
    await this.reload().catch((error: unknown) => {
      if (!(error instanceof UnsealError)) throw error; // the watch tells of it
    });
    return this.#keys().verification.has(kid);
  }

  active(): SigningKey {
    const { active } = this.#keys();
    if (!active) throw new Error('there is no signing key that a configured master key opens');
    return active;
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
    const verification = new Map(stored.map((key) => [key.kid, this.#verificationKeyOf(key)]));
    const jwks = { keys: stored.map((key) => rsaPublicJwk(key)) };
    try {
      // One that is in memory stays usable while other replicas already seal under the next master key.
      const opened = known?.kid === active.kid ? known : openSigningKey(this.#sealer, active);
      this.#loaded = { active: opened, verification, jwks };
    } catch (error) {
      // What others sign is good, what was withdrawn is not, and what is still published may sign on. At the start there is nothing yet.
      const stillPublished = known && verification.has(known.kid) ? known : undefined;
      if (this.#loaded) this.#loaded = { active: stillPublished, verification, jwks };
      throw error;
    }
  }

  #verificationKeyOf({ kid, publicN, publicE }: StoredKey): KeyObject {
    return this.#loaded?.verification.get(kid) ?? rsaPublicKey({ n: publicN, e: publicE });
  }
}
