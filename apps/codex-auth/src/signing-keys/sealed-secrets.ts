import { randomBytes } from 'node:crypto';
import type { Sealer } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import { findSealedSecret, insertSealedSecret } from './sealed-secret-store.ts';

const SECRET_BYTES = 32;

/**
 * Random secrets of the installation, made once by whichever replica comes first and kept sealed. They stay the same when
 * the master key changes: `sealing/` seals them anew.
 */
export class SealedSecrets {
  readonly #db: Queryable;
  readonly #sealer: Sealer;

  constructor({ db, sealer }: { db: Queryable; sealer: Sealer }) {
    this.#db = db;
    this.#sealer = sealer;
  }

  /** @returns 32 bytes; the same for every call with this name. @throws {UnsealError} when no configured master key opens it */
  async ensure(name: string): Promise<Buffer> {
    const context = secretContextOf(name);
    const sealed = (await findSealedSecret(this.#db, name)) ?? (await this.#insertFresh(name, context));
    return this.#sealer.open(sealed, context);
  }

  async #insertFresh(name: string, context: string): Promise<Buffer> {
    await insertSealedSecret(this.#db, { name, sealed: this.#sealer.seal(randomBytes(SECRET_BYTES), context) });
    const sealed = await findSealedSecret(this.#db, name);
    if (!sealed) throw new TypeError(`the secret ${name} is there after it was inserted`);
    return sealed;
  }
}

/** What a secret is sealed for: in another row it does not open. */
export function secretContextOf(name: string): string {
  return `sealed_secrets.sealed:${name}`;
}
