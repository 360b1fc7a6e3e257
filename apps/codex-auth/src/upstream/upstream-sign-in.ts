import { type Pool, transaction } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import type { Sessions } from '../accounts/sessions.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { PendingSignIns, ReturnedSignIn } from './pending-sign-ins.ts';
import { UpstreamError, type UpstreamProblem } from './upstream-error.ts';
import { admit, type RefusedBecause, type UpstreamPerson } from './upstream-person.ts';
import type { AuthorizationSecrets, UpstreamProvider, UpstreamTokens } from './upstream-provider.ts';
import type { UpstreamTokenStorage } from './upstream-token-storage.ts';
import { type AdmittedPerson, authorityOf, type UpstreamUsers } from './upstream-users.ts';

export interface UpstreamSignInDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly sessions: Pick<Sessions, 'openIn' | 'end'>;
  readonly pending: PendingSignIns;
  readonly users: UpstreamUsers;
  readonly storage: UpstreamTokenStorage;
  readonly providers: ReadonlyMap<string, UpstreamProvider>;
}

/** A browser that is back from a provider. */
export interface Return {
  /** Of the path it came back to, when that names one. */
  readonly providerInPath: string | undefined;
  readonly state: string;
  readonly code: string | undefined;
  readonly iss: string | undefined;
  /** Why the provider sends no code (RFC 6749 §4.1.2.1). */
  readonly error: string | undefined;
  readonly cookieHeader: string | undefined;
  readonly origin: RequestOrigin;
  readonly userAgent: string | undefined;
}

export type RefusalReason = RefusedBecause | 'email_taken' | 'other_issuer' | 'disabled' | 'not_signed_in_again';

/** How a return ends. Everything but the first leaves whatever session the browser had. */
export type ReturnOutcome =
  | { readonly kind: 'signed_in'; readonly setCookie: string; readonly returnTo: string | undefined }
  /** Unknown, used, too old, or another browser's. */
  | { readonly kind: 'not_on_the_way' }
  | ({ readonly kind: 'declined'; readonly error: string } & Journey)
  | ({ readonly kind: 'trouble'; readonly problem: UpstreamProblem } & Journey)
  | ({ readonly kind: 'refused'; readonly why: RefusalReason; readonly person: UpstreamPerson } & Journey);

interface Journey {
  readonly displayName: string;
  readonly returnTo: string | undefined;
}

interface Arrival {
  readonly returned: ReturnedSignIn;
  readonly provider: UpstreamProvider;
  readonly request: Return;
}

/** For the clocks of two machines. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Signs people in who were at a provider. */
export class UpstreamSignIn {
  readonly #deps: UpstreamSignInDeps;

  constructor(deps: UpstreamSignInDeps) {
    this.#deps = deps;
  }

  async complete(request: Return): Promise<ReturnOutcome> {
    const { pending, providers, log } = this.#deps;
    const returned = await pending.take(request);
    const provider = returned && providers.get(returned.provider);
    if (!provider) return { kind: 'not_on_the_way' };
    const arrival = { returned, provider, request };
    try {
      return await this.#arrive(arrival);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const { problem, message } = error;
      log.warn({ provider: returned.provider, problem, reason: message }, 'a sign-in at a provider failed');
      return { kind: 'trouble', problem, ...journeyOf(arrival) };
    }
  }

  async #arrive(arrival: Arrival): Promise<ReturnOutcome> {
    const { provider, request, returned } = arrival;
    const { upstream } = provider;
    const expectedPath = upstream.hasOwnRedirectUri ? upstream.name : undefined;
    if (request.providerInPath !== expectedPath) {
      throw new UpstreamError(upstream.name, 'mixed_up', 'an answer came to the address of another provider');
    }
    await provider.requireOwnAnswer(request);
    const { code, error, iss } = request;
    if (error !== undefined) return { kind: 'declined', error, ...journeyOf(arrival) };
    if (code === undefined) throw new UpstreamError(upstream.name, 'invalid_request', 'an answer without a code');
    const { person, tokens } = await provider.redeem({ code, iss }, returned.secrets);
    return this.#admit(arrival, person, tokens);
  }

  async #admit(arrival: Arrival, person: UpstreamPerson, tokens: UpstreamTokens): Promise<ReturnOutcome> {
    const { upstream } = arrival.provider;
    if (isTooOld(arrival, person)) return this.#refuse(arrival, person, 'not_signed_in_again');
    const admission = admit(person, upstream.admission);
    if (admission.kind === 'refused') return this.#refuse(arrival, person, admission.why);
    const admitted = { ...person, email: person.email ?? '' };
    const user = await this.#deps.users.ensure(admitted, { upstream, origin: arrival.request.origin });
    if (user.kind !== 'user') return this.#refuse(arrival, person, user.kind);
    const setCookie = await this.#open(arrival, { userId: user.userId, person: admitted, tokens });
    if (setCookie === undefined) return this.#refuse(arrival, person, 'disabled');
    return { kind: 'signed_in', setCookie, returnTo: arrival.returned.returnTo };
  }

  /** A session under a fresh id in place of the one the browser had, with its tokens; undefined for a disabled user. */
  #open(
    { provider: { upstream }, request: { origin, userAgent, cookieHeader } }: Arrival,
    { userId, person, tokens }: { userId: string; person: AdmittedPerson; tokens: UpstreamTokens },
  ): Promise<string | undefined> {
    const { pool, sessions, storage, users, audit } = this.#deps;
    return transaction(pool, async (tx) => {
      const opened = await sessions.openIn(tx, { userId, ip: origin.ip, userAgent });
      if (!opened) return undefined;
      await sessions.end(cookieHeader, tx);
      const owner = { userId, provider: upstream.name, authority: authorityOf(upstream), subject: person.subject };
      await storage.put(tx, { ...owner, tokens, sessionDigest: opened.idDigest });
      await users.noteSignIn(tx, { upstream, person });
      const event = { action: 'session.opened', actorUserId: userId, subjectType: 'user', subjectId: userId };
      await audit.record({ ...event, ...origin, details: { provider: upstream.name } }, tx);
      return opened.setCookie;
    });
  }

  async #refuse(arrival: Arrival, person: UpstreamPerson, why: RefusalReason): Promise<ReturnOutcome> {
    const { name } = arrival.provider.upstream;
    // What an administrator needs to link or to admit the person.
    const details = { provider: name, subject: person.subject, email: person.email ?? null, reason: why };
    const event = { action: 'upstream_sign_in.refused', subjectType: 'upstream_identity' };
    await this.#deps.audit.record({ ...event, subjectId: person.subject, ...arrival.request.origin, details });
    return { kind: 'refused', why, person, ...journeyOf(arrival) };
  }
}

/** Sends a browser to a provider. Nothing is kept when the provider cannot be asked where. @throws {UpstreamError} */
export async function setOut(
  provider: UpstreamProvider,
  {
    pending,
    cookieHeader,
    ...journey
  }: {
    pending: PendingSignIns;
    cookieHeader: string | undefined;
    returnTo: string | undefined;
    isFresh: boolean;
    loginHint: string | undefined;
  },
): Promise<{ location: string; setCookie: string }> {
  const prepared: { secrets: AuthorizationSecrets; browser: string } = pending.prepare(cookieHeader);
  const url = await provider.authorizationUrl(prepared.secrets, journey);
  const setCookie = await pending.begin(prepared, { provider: provider.upstream.name, ...journey });
  return { location: url.href, setCookie };
}

function journeyOf({ provider, returned }: Arrival): Journey {
  return { displayName: provider.upstream.displayName, returnTo: returned.returnTo };
}

// A provider that ignores `prompt=login` would turn a question for proof into a formality. With `max_age`, which goes with it, the
// time is required (OpenID Connect Core §3.1.2.1); plain OAuth 2.0 has neither.
function isTooOld({ returned, provider }: Arrival, { authenticatedAt }: UpstreamPerson): boolean {
  if (!returned.isFresh || provider.upstream.type === 'oauth2') return false;
  const earliestMs = returned.createdAt.getTime() - CLOCK_TOLERANCE_MS;
  return !(authenticatedAt && authenticatedAt.getTime() >= earliestMs);
}
