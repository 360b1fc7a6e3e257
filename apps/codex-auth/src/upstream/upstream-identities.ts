import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import { type Clock, HttpError } from '@codex-gateways/service';
import type { Sessions } from '../accounts/sessions.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { deleteIdentity, linkIdentity, listIdentities, type UpstreamIdentity } from './upstream-identity-store.ts';
import { authorityOf } from './upstream-users.ts';

export interface UpstreamIdentitiesDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly sessions: Pick<Sessions, 'endAllOf'>;
  readonly upstreams: readonly UpstreamConfig[];
}

/** Who somebody is at a provider, as an administrator names it. */
export interface IdentityName {
  readonly userId: string;
  readonly provider: string;
  readonly subject: string;
}

/** The administrator who asks. */
interface By {
  readonly userId: string;
  readonly origin: RequestOrigin;
}

/** Which user somebody at a provider is, for administrators to see and to change. */
export class UpstreamIdentities {
  readonly #deps: UpstreamIdentitiesDeps;

  constructor(deps: UpstreamIdentitiesDeps) {
    this.#deps = deps;
  }

  listOf(userId: string): Promise<readonly UpstreamIdentity[]> {
    return listIdentities(this.#deps.pool, userId);
  }

  /** From now on, who is this at the provider signs in as this user. @throws {HttpError} 400, 404, 409 */
  async link(name: IdentityName, by: By): Promise<void> {
    const { pool, clock, upstreams } = this.#deps;
    const upstream = upstreams.find((each) => each.name === name.provider);
    if (!upstream) throw new HttpError(400, 'invalid_request', 'provider: there is no such identity provider');
    await transaction(pool, async (tx) => {
      const outcome = await linkIdentity(tx, { ...name, issuer: authorityOf(upstream), now: clock.now() });
      if (outcome === 'no_user') throw new HttpError(404, 'not_found', 'there is no such user');
      if (outcome === 'taken') throw new HttpError(409, 'identity_taken', 'this is the identity of a user already');
      await this.#record(tx, 'linked', name, by);
    });
  }

  /** Takes the identity away, and with it every session of the user. @throws {HttpError} 404 */
  async unlink(name: IdentityName, by: By): Promise<void> {
    const { pool, sessions } = this.#deps;
    await transaction(pool, async (tx) => {
      if (!(await deleteIdentity(tx, name))) throw new HttpError(404, 'not_found', 'the user has no such identity');
      await sessions.endAllOf(name.userId, tx);
      await this.#record(tx, 'unlinked', name, by);
    });
  }

  #record(tx: Queryable, what: string, { userId, provider, subject }: IdentityName, by: By): Promise<void> {
    const event = { action: `upstream_identity.${what}`, subjectType: 'user', subjectId: userId };
    const details = { provider, subject };
    return this.#deps.audit.record({ ...event, actorUserId: by.userId, ...by.origin, details }, tx);
  }
}
