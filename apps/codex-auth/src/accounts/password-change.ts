import { type Pool, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import { beginAttempt, type Credential, replacePassword } from './credential-store.ts';
import { MAX_PASSWORD_LENGTH, type Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';

export type PasswordChangeOutcome =
  /** `setCookie` is of the one session that the user has now. */
  | { readonly kind: 'changed'; readonly setCookie: string | undefined }
  | { readonly kind: 'wrong_password' }
  | { readonly kind: 'unsuitable'; readonly why: string };

export interface PasswordChangeDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly passwords: Pick<Passwords, 'hash' | 'matches'>;
  readonly sessions: Pick<Sessions, 'open' | 'endAllOf'>;
  readonly attemptsBeforeLock: number;
  readonly minPasswordLength: number;
}

export interface PasswordChangeRequest {
  readonly user: { readonly userId: string; readonly email: string };
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly origin: RequestOrigin;
  readonly userAgent: string | undefined;
  /** Whether the request came with a session, which goes on under a fresh id. */
  readonly hasSession: boolean;
}

/** Lets people choose another password. Wrong guesses count and lock as they do at the sign-in page. */
export class PasswordChange {
  readonly #deps: PasswordChangeDeps;

  constructor(deps: PasswordChangeDeps) {
    this.#deps = deps;
  }

  /** Changes the password, ends every session of the user, and opens one for the caller. */
  async change(request: PasswordChangeRequest): Promise<PasswordChangeOutcome> {
    const { currentPassword, newPassword, user } = request;
    const why = this.#whyUnsuitable(request);
    if (why !== undefined) return { kind: 'unsuitable', why };
    const credential = await this.#prove(user.email, currentPassword, request.origin);
    if (credential?.userId !== user.userId) return { kind: 'wrong_password' };
    const passwordHash = await this.#deps.passwords.hash(newPassword);
    const isChanged = await this.#replace(request, { provenHash: credential.passwordHash, passwordHash });
    if (!isChanged) return { kind: 'wrong_password' };
    const { origin, userAgent, hasSession } = request;
    const { sessions } = this.#deps;
    const opened = hasSession ? await sessions.open({ userId: user.userId, ip: origin.ip, userAgent }) : undefined;
    return { kind: 'changed', setCookie: opened };
  }

  #whyUnsuitable({ newPassword, currentPassword, user }: PasswordChangeRequest): string | undefined {
    const { minPasswordLength } = this.#deps;
    if ([...newPassword].length < minPasswordLength) return `The new password needs ${minPasswordLength} characters.`;
    if (newPassword.length > MAX_PASSWORD_LENGTH)
      return `The new password is longer than ${MAX_PASSWORD_LENGTH} characters.`;
    if (newPassword === currentPassword) return 'The new password is the same as the current one.';
    if (newPassword.toLowerCase() === user.email.toLowerCase()) return 'The new password is your address.';
    return undefined;
  }

  async #prove(email: string, password: string, origin: RequestOrigin): Promise<Credential | undefined> {
    const { pool, clock, passwords, attemptsBeforeLock, audit } = this.#deps;
    if (password.length > MAX_PASSWORD_LENGTH) return undefined;
    let credential: Credential | undefined;
    const matches = await passwords.matches(async () => {
      credential = await beginAttempt(pool, { email, now: clock.now(), attemptsBeforeLock });
      return credential?.passwordHash;
    }, password);
    if (matches) return credential;
    if (credential?.locks) {
      const subject = { subjectType: 'user', subjectId: credential.userId };
      await audit.record({ action: 'account.locked', ...subject, ...origin });
    }
    return undefined;
  }

  #replace(
    { user: { userId }, origin }: PasswordChangeRequest,
    hashes: { provenHash: string; passwordHash: string },
  ): Promise<boolean> {
    const { pool, clock, audit, sessions } = this.#deps;
    return transaction(pool, async (tx) => {
      if (!(await replacePassword(tx, { userId, ...hashes, now: clock.now() }))) return false;
      const ended = await sessions.endAllOf(userId, tx);
      const subject = { subjectType: 'user', subjectId: userId, actorUserId: userId };
      await audit.record({ action: 'user.password_changed', ...subject, ...origin, details: { sessions: ended } }, tx);
      return true;
    });
  }
}
