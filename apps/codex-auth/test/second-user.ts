import type { Pool } from '@codex-gateways/database';
import { Accounts } from '../src/accounts/accounts.ts';
import { Passwords } from '../src/accounts/passwords.ts';

/** Makes another user, with a workspace of its own. */
export async function createUser(
  db: Pool,
  email: string,
): Promise<{ userId: string; email: string; password: string }> {
  const password = 'a password of some length';
  const userId = await new Accounts({ db, passwords: new Passwords({ maxConcurrent: 1, maxWaiting: 10 }) }).create({
    email,
    password,
  });
  if (userId === undefined) throw new Error(`${email} is taken`);
  return { userId, email, password };
}
