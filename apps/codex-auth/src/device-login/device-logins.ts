import { randomToken, sha256 } from '@codex-gateways/crypto';
import { type Pool, transaction } from '@codex-gateways/database';
import { type Clock, continueTrace, currentTraceparent, HttpError } from '@codex-gateways/service';
import { codeChallengeOf, mintCodeVerifier, mintUserCode, normalizeUserCode } from '@codex-gateways/tokens';
import type { SignedInUser } from '../accounts/session-resolver.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { AuthorizationCodes } from '../oauth/authorization-codes.ts';
import type { OAuthClient } from '../oauth/clients.ts';
import type { RateLimit } from '../rate-limits/rate-limit-store.ts';
import {
  type DeviceFlow,
  decideLogin,
  deleteExpiredLogins,
  exchangeDeviceCode,
  findCliLogin,
  findPendingLogin,
  insertDeviceCode,
  type PendingLogin,
} from './device-code-store.ts';

export interface DeviceLoginsDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly codes: Pick<AuthorizationCodes, 'issue'>;
  readonly perAddress: RateLimit;
  readonly guesses: RateLimit;
  readonly lifetimeSeconds: number;
}

/** What a device gets to begin with. */
export interface StartedLogin {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly expiresInSeconds: number;
}

/** What the CLI finds when it asks. */
export type CliPollOutcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'over' }
  | {
      readonly kind: 'approved';
      readonly authorizationCode: string;
      readonly codeChallenge: string;
      readonly codeVerifier: string;
    };

const MAX_USER_CODE_TRIES = 5;
const RETENTION_MS = 3_600_000;
const MAX_USER_AGENT_LENGTH = 256;
const DEVICE_CODE = /^[A-Za-z0-9_-]{43}$/;

/** Logins of devices that have no browser: a person types a short code on a page, looks at who asks, and decides. */
export class DeviceLogins {
  readonly #deps: DeviceLoginsDeps;

  constructor(deps: DeviceLoginsDeps) {
    this.#deps = deps;
  }

  /** @throws {HttpError} 429 when the address has begun too many */
  async start(request: {
    client: OAuthClient;
    flow: DeviceFlow;
    scope: string;
    intervalSeconds: number;
    origin: RequestOrigin;
    userAgent: string | undefined;
  }): Promise<StartedLogin> {
    const { pool, clock, perAddress, lifetimeSeconds } = this.#deps;
    const retryAfterSeconds = await perAddress.take(request.origin.ip ?? 'unknown');
    if (retryAfterSeconds > 0) throw tooMany(retryAfterSeconds, 'device logins from this address');
    const createdAt = clock.now();
    const deviceCode = randomToken();
    for (let attempt = 0; attempt < MAX_USER_CODE_TRIES; attempt += 1) {
      const userCode = mintUserCode();
      const isStored = await insertDeviceCode(pool, {
        deviceCodeDigest: sha256(deviceCode),
        userCodeDigest: sha256(userCode),
        flow: request.flow,
        clientId: request.client.clientId,
        scope: request.scope,
        ip: request.origin.ip,
        userAgent: request.userAgent?.slice(0, MAX_USER_AGENT_LENGTH),
        intervalSeconds: request.intervalSeconds,
        createdAt,
        traceparent: currentTraceparent(),
        expiresAt: new Date(createdAt.getTime() + lifetimeSeconds * 1000),
      });
      if (isStored) return { deviceCode, userCode, expiresInSeconds: lifetimeSeconds };
    }
    throw new Error(`no free user code in ${MAX_USER_CODE_TRIES} tries`);
  }

  /**
   * Finds the login behind a code that a person typed.
   * @throws {HttpError} 429 after too many wrong codes, right ones included (RFC 8628 §5.1)
   */
  async findPending(typed: string, user: SignedInUser): Promise<{ userCode: string; login: PendingLogin } | undefined> {
    const userCode = normalizeUserCode(typed);
    if (userCode === undefined) return undefined;
    const { pool, clock } = this.#deps;
    const login = await this.#guarded(user, () =>
      findPendingLogin(pool, { userCodeDigest: sha256(userCode), now: clock.now() }),
    );
    return login && { userCode, login };
  }

  /** @returns false when the code no longer waits for a decision. @throws {HttpError} 429 as `findPending` */
  async decide(
    typed: string,
    { status, user, origin }: { status: 'approved' | 'denied'; user: SignedInUser; origin: RequestOrigin },
  ): Promise<boolean> {
    const userCode = normalizeUserCode(typed);
    if (userCode === undefined) return false;
    const { pool, clock, audit } = this.#deps;
    const { userId, authenticatedAt } = user;
    const decision = { userCodeDigest: sha256(userCode), status, userId, authenticatedAt, now: clock.now() };
    const decided = await this.#guarded(user, () =>
      transaction(pool, async (tx) => {
        const decided = await decideLogin(tx, decision);
        if (decided === undefined) return undefined;
        const subject = { subjectType: 'client', subjectId: decided.clientId };
        await continueTrace(decided.traceparent, `device login ${status}`, () =>
          audit.record({ action: `device_login.${status}`, actorUserId: userId, ...subject, ...origin }, tx),
        );
        return decided;
      }),
    );
    return decided !== undefined;
  }

  /** One poll of the CLI's own endpoint: an approved login is exchanged for a code and its PKCE pair, once. */
  async pollCli(presented: { deviceCode: string; userCode: string }): Promise<CliPollOutcome> {
    const { pool, clock } = this.#deps;
    const userCode = normalizeUserCode(presented.userCode);
    if (!DEVICE_CODE.test(presented.deviceCode) || userCode === undefined) return { kind: 'over' };
    const deviceCodeDigest = sha256(presented.deviceCode);
    const login = await findCliLogin(pool, { deviceCodeDigest, userCodeDigest: sha256(userCode) });
    const now = clock.now();
    if (!login || login.expiresAt <= now) return { kind: 'over' };
    if (login.status === 'pending') return { kind: 'pending' };
    return login.status === 'approved' ? this.#exchange(deviceCodeDigest, now) : { kind: 'over' };
  }

  async #exchange(deviceCodeDigest: Buffer, now: Date): Promise<CliPollOutcome> {
    const { pool, codes } = this.#deps;
    return transaction(pool, async (tx) => {
      const login = await exchangeDeviceCode(tx, { deviceCodeDigest, flow: 'codex_cli', now });
      if (!login) return { kind: 'over' };
      const codeVerifier = mintCodeVerifier();
      const codeChallenge = codeChallengeOf(codeVerifier);
      const authorizationCode = await continueTrace(login.traceparent, 'exchange device code', () =>
        codes.issue({ ...login, redirectUri: undefined, codeChallenge }, tx),
      );
      return { kind: 'approved', authorizationCode, codeChallenge, codeVerifier };
    });
  }

  /** Logins stay for an hour after they expired, so that a late poll is told so. */
  deleteExpired(limit: number): Promise<number> {
    const expiredBy = new Date(this.#deps.clock.now().getTime() - RETENTION_MS);
    return deleteExpiredLogins(this.#deps.pool, { expiredBy, limit });
  }

  /** Takes a guess before looking, so that guesses made at once all count, and gives it back when it was right. */
  async #guarded<Found>({ userId }: SignedInUser, look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const { guesses } = this.#deps;
    const retryAfterSeconds = await guesses.take(userId);
    if (retryAfterSeconds > 0) throw tooMany(retryAfterSeconds, 'codes that do not exist');
    const found = await look();
    if (found !== undefined) await guesses.giveBack(userId);
    return found;
  }
}

function tooMany(retryAfterSeconds: number, what: string): HttpError {
  return new HttpError(429, 'too_many_requests', `too many ${what}; try again in a while`, {
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });
}
