import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { Accounts } from '../accounts/accounts.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { findIdentity, insertIdentity, noteSignIn } from './upstream-identity-store.ts';
import type { UpstreamPerson } from './upstream-person.ts';

export interface UpstreamUsersDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly accounts: Pick<Accounts, 'createWithoutPassword'>;
}

export type UserOutcome =
  | { readonly kind: 'user'; readonly userId: string }
  /** There is a user with this address, who is not linked: an address alone never links anybody. */
  | { readonly kind: 'email_taken' }
  /** The provider of this name was another one when it said who this user is. */
  | { readonly kind: 'other_issuer' };

/** A person whom the rule of the provider lets in. */
export type AdmittedPerson = UpstreamPerson & { readonly email: string };

/** Users by who they are at a provider. */
export class UpstreamUsers {
  readonly #deps: UpstreamUsersDeps;

  constructor(deps: UpstreamUsersDeps) {
    this.#deps = deps;
  }

  /** The user of a person; made, with a personal workspace, at the first sign-in. */
  async ensure(
    person: AdmittedPerson,
    { upstream, origin }: { upstream: UpstreamConfig; origin: RequestOrigin },
  ): Promise<UserOutcome> {
    const { pool } = this.#deps;
    const known = await this.#find(pool, { person, upstream });
    if (known) return known;
    try {
      const made = await transaction(pool, (tx) => this.#make(tx, { person, upstream, origin }));
      if (made.kind !== 'email_taken') return made;
    } catch (error) {
      if (!(error instanceof LostRace)) throw error;
    }
    // Of two first sign-ins of one person at once, the other one may have made the user.
    return (await this.#find(pool, { person, upstream })) ?? { kind: 'email_taken' };
  }

  async noteSignIn(
    tx: Queryable,
    { upstream, person }: { upstream: UpstreamConfig; person: AdmittedPerson },
  ): Promise<void> {
    const { subject, email } = person;
    await noteSignIn(tx, { provider: upstream.name, subject, email, now: this.#deps.clock.now() });
  }

  async #find(
    db: Queryable,
    { person: { subject }, upstream }: { person: UpstreamPerson; upstream: UpstreamConfig },
  ): Promise<UserOutcome | undefined> {
    const identity = await findIdentity(db, { provider: upstream.name, subject });
    if (!identity) return undefined;
    const isSame = identity.issuer === authorityOf(upstream);
    return isSame ? { kind: 'user', userId: identity.userId } : { kind: 'other_issuer' };
  }

  async #make(
    tx: Queryable,
    { person, upstream, origin }: { person: AdmittedPerson; upstream: UpstreamConfig; origin: RequestOrigin },
  ): Promise<UserOutcome> {
    const { accounts, audit, clock } = this.#deps;
    const { subject, email, displayName } = person;
    const userId = await accounts.createWithoutPassword({ email, displayName }, tx);
    if (userId === undefined) return { kind: 'email_taken' };
    const identity = { provider: upstream.name, subject, userId, issuer: authorityOf(upstream), email };
    if (!(await insertIdentity(tx, { ...identity, createdAt: clock.now() }))) throw new LostRace();
    const event = { action: 'user.created', subjectType: 'user', subjectId: userId, actorUserId: userId };
    await audit.record({ ...event, ...origin, details: { provider: upstream.name, subject, role: 'member' } }, tx);
    return { kind: 'user', userId };
  }
}

/** Takes back the user that was made for an identity which, meanwhile, is somebody's. */
class LostRace extends Error {
  override readonly name = 'LostRace';
}

/** Who says who somebody is: what subjects are unique within. */
export function authorityOf(upstream: UpstreamConfig): string {
  return upstream.type === 'oidc' ? upstream.issuer : new URL(upstream.userinfoEndpoint).origin;
}
