import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { BrowserSession, Sessions } from '../accounts/sessions.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { UserGrant, UserGrants } from '../oauth/user-grants.ts';

export interface UserAccessDeps {
  readonly pool: Pool;
  readonly audit: AuditLog;
  /** Undefined when another product knows the sessions. */
  readonly localSessions: Pick<Sessions, 'listOf' | 'endOne' | 'endAllOf'> | undefined;
  readonly grants: UserGrants;
}

/** Where somebody is signed in: browsers, and programs with tokens. */
export interface SignedInPlaces {
  readonly sessions: readonly BrowserSession[];
  readonly devices: readonly UserGrant[];
}

/** The sign-ins of a person, to look at and to end. */
export class UserAccess {
  readonly #deps: UserAccessDeps;

  constructor(deps: UserAccessDeps) {
    this.#deps = deps;
  }

  /** @param cookieHeader - of the request, by which the current session is told */
  async placesOf(userId: string, cookieHeader: string | undefined): Promise<SignedInPlaces> {
    const { localSessions, grants } = this.#deps;
    const [sessions, devices] = await Promise.all([
      localSessions?.listOf(userId, cookieHeader) ?? [],
      grants.listOf(userId),
    ]);
    return { sessions, devices };
  }

  /**
   * Ends one session, or one device with every token it has.
   * @throws {HttpError} 404 when the user has neither under this id, whether or not somebody else has
   */
  async end({ id, userId, origin }: { id: string; userId: string; origin: RequestOrigin }): Promise<void> {
    const { pool, audit, localSessions, grants } = this.#deps;
    await transaction(pool, async (tx) => {
      const by = { actorUserId: userId, ...origin };
      if (await localSessions?.endOne({ id, userId }, tx)) {
        await audit.record({ action: 'session.ended', subjectType: 'session', subjectId: id, ...by }, tx);
        return;
      }
      const clientId = await grants.revokeOne({ grantId: id, userId }, tx);
      if (clientId === undefined) throw new HttpError(404, 'not_found', 'there is no such session');
      const details = { reason: 'revoked_by_user', client_id: clientId, user_id: userId };
      await audit.record({ action: 'grant.revoked', subjectType: 'grant', subjectId: id, details, ...by }, tx);
    });
  }

  /** Signs a person out everywhere: every session and every device. What machines hold goes on. */
  async endAll({ userId, origin }: { userId: string; origin: RequestOrigin }): Promise<void> {
    const { pool, audit } = this.#deps;
    await transaction(pool, async (tx) => {
      const details = await this.endAllIn(tx, { userId, reason: 'revoked_by_user' });
      const subject = { subjectType: 'user', subjectId: userId, actorUserId: userId };
      await audit.record({ action: 'user.signed_out_everywhere', ...subject, ...origin, details }, tx);
    });
  }

  /** As `endAll`, as a part of something else that is written down there. @returns how many of each */
  async endAllIn(
    tx: Queryable,
    { userId, reason }: { userId: string; reason: 'revoked_by_user' | 'revoked_by_admin' },
  ): Promise<{ sessions: number; grants: number }> {
    const { localSessions, grants } = this.#deps;
    const sessions = (await localSessions?.endAllOf(userId, tx)) ?? 0;
    return { sessions, grants: await grants.revokeAllOf({ userId, reason }, tx) };
  }
}
