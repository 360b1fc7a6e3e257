import type { StackSettings } from './config.ts';
import { generatePassword, type Secrets } from './secrets.ts';

export interface DevUser {
  readonly email: string;
  readonly password: string;
  /** The password was generated, and nobody has seen it yet. */
  readonly isNew: boolean;
  /** A password was given, but the account was made with another one, and codex-auth does not change it. */
  readonly ignoresGivenPassword: boolean;
}

/**
 * The first user and the password that the account was or will be made with, noted in `secrets` for the next start (the
 * caller saves them).
 */
export function resolveDevUser(
  secrets: Secrets,
  { devUserEmail: email, devUserPassword: given }: StackSettings,
): DevUser {
  const noted = secrets.users[email] ?? { password: given ?? generatePassword(), shown: given !== undefined };
  secrets.users[email] = noted;
  const { password, shown } = noted;
  return { email, password, isNew: !shown, ignoresGivenPassword: given !== undefined && given !== password };
}
