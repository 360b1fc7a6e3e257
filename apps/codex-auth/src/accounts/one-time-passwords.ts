import { randomToken } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { setOneTimePassword } from './credential-store.ts';
import type { Passwords } from './passwords.ts';

/** A generated password on its way to the user; the database has its hash alone. */
export interface OneTimePassword {
  readonly password: string;
  readonly passwordHash: string;
  readonly oneTimeUntil: Date;
}

const RANDOM_BYTES = 15;

/** Makes passwords that an administrator hands to a user, who has to replace them at the next sign-in. */
export class OneTimePasswords {
  readonly #clock: Clock;
  readonly #passwords: Pick<Passwords, 'hash'>;
  readonly #lifetimeSeconds: number;

  constructor(deps: { clock: Clock; passwords: Pick<Passwords, 'hash'>; lifetimeSeconds: number }) {
    this.#clock = deps.clock;
    this.#passwords = deps.passwords;
    this.#lifetimeSeconds = deps.lifetimeSeconds;
  }

  /** 120 random bits, 20 characters. */
  generate(): { password: string; oneTimeUntil: Date } {
    const oneTimeUntil = new Date(this.#clock.now().getTime() + this.#lifetimeSeconds * 1000);
    return { password: randomToken(RANDOM_BYTES), oneTimeUntil };
  }

  /** Makes one and hashes it, before the transaction that gives it to the user. */
  async prepare(): Promise<OneTimePassword> {
    const generated = this.generate();
    return { ...generated, passwordHash: await this.#passwords.hash(generated.password) };
  }

  /** Puts it in place of the user's password. */
  async give(tx: Queryable, userId: string, { passwordHash, oneTimeUntil }: OneTimePassword): Promise<void> {
    await setOneTimePassword(tx, { userId, passwordHash, oneTimeUntil, now: this.#clock.now() });
  }
}
