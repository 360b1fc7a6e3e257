import { randomUUID } from 'node:crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Passwords } from './passwords.ts';
import { emailIsTaken, insertAccount, insertExternalUser } from './user-store.ts';

/** Users of this service. */
export class Accounts {
  readonly #db: Queryable;
  readonly #passwords: Pick<Passwords, 'hash'>;

  constructor({ db, passwords }: { db: Queryable; passwords: Pick<Passwords, 'hash'> }) {
    this.#db = db;
    this.#passwords = passwords;
  }

  /**
   * Makes a user with a personal workspace, all or nothing.
   * @returns the user's id, or undefined when the address is taken
   */
  async create(account: {
    email: string;
    password: string;
    role?: 'admin' | 'member';
    displayName?: string;
  }): Promise<string | undefined> {
    return (await this.prepare(account))(this.#db);
  }

  /**
   * As `create`, with the slow hashing done before the transaction that the account is made in.
   * @param oneTimeUntil - the end of a generated password, which has to be changed; undefined for one that was chosen
   */
  async prepare({
    email,
    password,
    role = 'member',
    displayName = '',
    oneTimeUntil,
  }: {
    email: string;
    password: string;
    role?: 'admin' | 'member';
    displayName?: string;
    oneTimeUntil?: Date;
  }): Promise<(tx: Queryable) => Promise<string | undefined>> {
    const userId = `user_${randomUUID()}`;
    const account = {
      userId,
      email,
      displayName,
      role,
      passwordHash: await this.#passwords.hash(password),
      workspaceId: `ws_${randomUUID()}`,
      workspaceName: 'Personal',
      oneTimeUntil,
    };
    return async (tx) => ((await insertAccount(tx, account)) ? userId : undefined);
  }

  /**
   * Makes a user whom an identity provider signs in, with a personal workspace, all or nothing.
   * @returns the user's id, or undefined when the address is taken
   */
  async createWithoutPassword(
    { email, displayName }: { email: string; displayName: string },
    tx: Queryable = this.#db,
  ): Promise<string | undefined> {
    const userId = `user_${randomUUID()}`;
    const workspace = { workspaceId: `ws_${randomUUID()}`, workspaceName: 'Personal' };
    return (await insertExternalUser(tx, { userId, email, displayName, ...workspace })) ? userId : undefined;
  }

  /** Makes the first user unless the address is known; several replicas may do it at once. */
  async ensureFirstUser({ email, password }: { email: string; password: string }): Promise<void> {
    if (await emailIsTaken(this.#db, email)) return;
    await this.create({ email, password, role: 'admin' });
  }
}
