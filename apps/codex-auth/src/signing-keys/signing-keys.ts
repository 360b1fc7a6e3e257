import type { KeyObject } from 'node:crypto';
import {
  generateRsaKey,
  loadRsaPrivateKey,
  type RsaPublicJwk,
  rsaPublicJwk,
  rsaPublicKey,
  type Sealer,
} from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { SigningKey } from '@codex-gateways/tokens';
import { insertActiveKey, listKeys, replaceSeal, type StoredKey } from './jwks-key-store.ts';
import type { KeyProvider } from './key-provider.ts';

interface LoadedKeys {
  readonly active: SigningKey;
  readonly verification: ReadonlyMap<string, KeyObject>;
  readonly jwks: { readonly keys: readonly RsaPublicJwk[] };
}

/** The issuer's keys: made and read at start, then used from memory. */
export class SigningKeys implements KeyProvider {
  readonly #db: Queryable;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  #loaded: LoadedKeys | undefined;

  constructor({ db, sealer, clock }: { db: Queryable; sealer: Sealer; clock: Clock }) {
    this.#db = db;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  /**
   * Makes the active key unless there is one, seals anew what an earlier master key sealed, and reads all keys. Any number
   * of replicas may do it at once: they end with the same active key.
   * @throws {UnsealError} when no configured master key opens the stored key
   */
  async ensureActiveKey(): Promise<void> {
    let stored = await listKeys(this.#db);
    if (!stored.some((key) => key.status === 'active')) {
      await this.#insertFreshKey();
      stored = await listKeys(this.#db);
    }
    await Promise.all(stored.map((key) => this.#renewSeal(key)));
    this.#loaded = load(stored, this.#sealer);
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

  async #insertFreshKey(): Promise<void> {
    const key = await generateRsaKey();
    const privatePkcs8Sealed = this.#sealer.seal(key.privatePkcs8, sealContext(key.kid));
    await insertActiveKey(this.#db, { ...key, privatePkcs8Sealed }, this.#clock.now());
  }

  async #renewSeal({ kid, privatePkcs8Sealed }: StoredKey): Promise<void> {
    if (this.#sealer.isCurrent(privatePkcs8Sealed)) return;
    const context = sealContext(kid);
    const sealed = this.#sealer.seal(this.#sealer.open(privatePkcs8Sealed, context), context);
    await replaceSeal(this.#db, { kid, sealed });
  }
}

function load(stored: readonly StoredKey[], sealer: Sealer): LoadedKeys {
  const active = stored.find((key) => key.status === 'active');
  if (!active) throw new TypeError('there is always an active key after one was inserted');
  const { kid, privateKey } = loadRsaPrivateKey(sealer.open(active.privatePkcs8Sealed, sealContext(active.kid)));
  return {
    active: { kid, privateKey },
    verification: new Map(stored.map((key) => [key.kid, rsaPublicKey({ n: key.publicN, e: key.publicE })])),
    jwks: { keys: stored.map((key) => rsaPublicJwk(key)) },
  };
}

function sealContext(kid: string): string {
  return `codex_jwks_keys.private_pkcs8:${kid}`;
}
