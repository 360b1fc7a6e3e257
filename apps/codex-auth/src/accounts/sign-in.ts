import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { RateLimit } from '../rate-limits/rate-limit-store.ts';
import { beginAttempt, type Credential, forgetAttempts } from './credential-store.ts';
import { MAX_PASSWORD_LENGTH, type Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';

export type SignInOutcome =
  | { readonly kind: 'signed_in'; readonly setCookie: string; readonly mustChangePassword: boolean }
  | { readonly kind: 'refused' }
  | { readonly kind: 'too_many'; readonly retryAfterSeconds: number };

export interface SignInDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, 'open' | 'end'>;
  readonly audit: AuditLog;
  readonly passwords: Pick<Passwords, 'matches'>;
  readonly perAddress: RateLimit;
  readonly attemptsBeforeLock: number;
}

export interface SignInAttempt {
  readonly email: string;
  readonly password: string;
  readonly origin: RequestOrigin;
  readonly userAgent: string | undefined;
  /** The browser's cookies: a session it had before ends with a successful attempt. */
  readonly cookieHeader: string | undefined;
}

const MAX_EMAIL_LENGTH = 254;

/** Signs people in by password, telling a guesser nothing: neither text nor time differ between the reasons to refuse. */
export class SignIn {
  readonly #deps: SignInDeps;

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  async attempt(attempt: SignInAttempt): Promise<SignInOutcome> {
    const { db, clock, passwords, perAddress, attemptsBeforeLock } = this.#deps;
    const retryAfterSeconds = await perAddress.take(attempt.origin.ip ?? 'unknown');
    if (retryAfterSeconds > 0) return { kind: 'too_many', retryAfterSeconds };
    if (attempt.email.length > MAX_EMAIL_LENGTH || attempt.password.length > MAX_PASSWORD_LENGTH)
      return { kind: 'refused' };
    let credential: Credential | undefined;
    const matches = await passwords.matches(async () => {
      credential = await beginAttempt(db, { email: attempt.email, now: clock.now(), attemptsBeforeLock });
      return credential?.passwordHash;
    }, attempt.password);
    if (credential && matches) return this.#open(credential, attempt);
    if (credential?.locks) await this.#recordLock(credential.userId, attempt.origin);
    return { kind: 'refused' };
  }

  async #open(
    { userId, isOneTime }: Credential,
    { origin, userAgent, cookieHeader }: SignInAttempt,
  ): Promise<SignInOutcome> {
    const { db, sessions, audit } = this.#deps;
    await forgetAttempts(db, userId);
    await sessions.end(cookieHeader);
    const setCookie = await sessions.open({ userId, ip: origin.ip, userAgent });
    if (setCookie === undefined) return { kind: 'refused' };
    await audit.record({
      action: 'session.opened',
      actorUserId: userId,
      subjectType: 'user',
      subjectId: userId,
      ...origin,
    });
    return { kind: 'signed_in', setCookie, mustChangePassword: isOneTime };
  }

  async #recordLock(userId: string, origin: RequestOrigin): Promise<void> {
    await this.#deps.audit.record({ action: 'account.locked', subjectType: 'user', subjectId: userId, ...origin });
  }
}
