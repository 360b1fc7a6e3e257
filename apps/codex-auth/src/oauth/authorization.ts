import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { SignedInUser } from '../accounts/session-resolver.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { AuthorizationCodes } from './authorization-codes.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import { findConsent, saveConsent } from './consent-store.ts';
import { isWithin } from './granted-scope.ts';
import { OAuthError } from './oauth-error.ts';
import { isBuiltInClient } from './scopes.ts';

/** What an authorization request needs next. */
export type NextStep =
  | { readonly kind: 'sign_in' /** Even with a session. */; readonly fresh: boolean }
  | { readonly kind: 'ask_consent'; readonly user: SignedInUser }
  | { readonly kind: 'answer'; readonly user: SignedInUser };

export interface AuthorizationDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly codes: Pick<AuthorizationCodes, 'issue'>;
  readonly audit: AuditLog;
}

/** Decides what an authorization request needs, and answers it. */
export class Authorization {
  readonly #deps: AuthorizationDeps;

  constructor(deps: AuthorizationDeps) {
    this.#deps = deps;
  }

  /** @throws {OAuthError} login_required or consent_required for a client that wants no page shown */
  async nextStep(request: AuthorizationRequest, user: SignedInUser | undefined): Promise<NextStep> {
    const { prompts } = request;
    const fresh = prompts.has('login') || prompts.has('select_account') || this.#isStale(request, user);
    if (!user || fresh) {
      if (prompts.has('none')) throw new OAuthError('login_required', 'the person has to sign in');
      return { kind: 'sign_in', fresh };
    }
    if (await this.#isAgreed(request, user)) return { kind: 'answer', user };
    if (prompts.has('none')) throw new OAuthError('consent_required', 'the person has to agree');
    return { kind: 'ask_consent', user };
  }

  /** Notes the person's consent, so that the same is not asked again. */
  async agree({ client, scope }: AuthorizationRequest, { userId }: SignedInUser, origin: RequestOrigin): Promise<void> {
    const { db, clock, audit } = this.#deps;
    const { clientId } = client;
    const before = await findConsent(db, { userId, clientId });
    const all = [...new Set(`${before} ${scope}`.trim().split(' '))].join(' ');
    await saveConsent(db, { userId, clientId, scope: all, now: clock.now() });
    const subject = { subjectType: 'client', subjectId: clientId, details: { scope } };
    await audit.record({ action: 'consent.given', actorUserId: userId, ...subject, ...origin });
  }

  /** @returns the code for the client */
  async issueCode(request: AuthorizationRequest, user: SignedInUser, origin: RequestOrigin): Promise<string> {
    const { codes, audit } = this.#deps;
    const { redirectUri, codeChallenge, scope, nonce } = request;
    const { clientId } = request.client;
    const { userId, authenticatedAt } = user;
    const code = await codes.issue({ clientId, userId, redirectUri, codeChallenge, scope, nonce, authenticatedAt });
    const subject = { subjectType: 'client', subjectId: clientId, details: { scope } };
    await audit.record({ action: 'client.authorized', actorUserId: userId, ...subject, ...origin });
    return code;
  }

  #isStale({ maxAgeSeconds }: AuthorizationRequest, user: SignedInUser | undefined): boolean {
    if (maxAgeSeconds === undefined || !user) return false;
    if (!user.authenticatedAt) throw new OAuthError('login_required', 'the age of the session cannot be told');
    return user.authenticatedAt.getTime() + maxAgeSeconds * 1000 <= this.#deps.clock.now().getTime();
  }

  async #isAgreed({ client, scope, prompts }: AuthorizationRequest, { userId }: SignedInUser): Promise<boolean> {
    // The CLI asks for itself, on the person's own machine.
    if (isBuiltInClient(client.clientId)) return true;
    if (prompts.has('consent')) return false;
    return isWithin(scope, await findConsent(this.#deps.db, { userId, clientId: client.clientId }));
  }
}
