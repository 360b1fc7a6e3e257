import { randomBytes } from 'node:crypto';
import type { Sealer } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import { findSealedSecret, insertSealedSecret, replaceSealedSecret } from './sealed-secret-store.ts';

const SECRET_BYTES = 32;

/**
 * Random secrets of the installation, made once by whichever replica comes first and kept sealed. They stay the same when
 * the master key changes, and are sealed anew under the current one.
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
    const context = `sealed_secrets.sealed:${name}`;
    const sealed = (await findSealedSecret(this.#db, name)) ?? (await this.#insertFresh(name, context));
    const secret = this.#sealer.open(sealed, context);
    if (!this.#sealer.isCurrent(sealed)) {
      await replaceSealedSecret(this.#db, { name, sealed: this.#sealer.seal(secret, context) });
    }
    return secret;
  }

  async #insertFresh(name: string, context: string): Promise<Buffer> {
    await insertSealedSecret(this.#db, { name, sealed: this.#sealer.seal(randomBytes(SECRET_BYTES), context) });
    const sealed = await findSealedSecret(this.#db, name);
    if (!sealed) throw new TypeError(`the secret ${name} is there after it was inserted`);
    return sealed;
  }
}
