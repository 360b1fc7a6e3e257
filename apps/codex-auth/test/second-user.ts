import type { Pool } from '@codex-gateways/database';
import { Accounts } from '../src/accounts/accounts.ts';

/** Makes another user, with a workspace of its own. */
export async function createUser(
  db: Pool,
  email: string,
): Promise<{ userId: string; email: string; password: string }> {
  const password = 'a password of some length';
  const userId = await new Accounts({ db }).create({ email, password });
  if (userId === undefined) throw new Error(`${email} is taken`);
  return { userId, email, password };
}
