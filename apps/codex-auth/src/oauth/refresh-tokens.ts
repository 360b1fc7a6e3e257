import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { isRefreshToken, successorOfRefreshToken } from '@codex-gateways/tokens';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { WriteBatch } from '../write-batch.ts';
import type { OAuthClient } from './clients.ts';
import { isWithin } from './granted-scope.ts';
import type { Grants } from './grants.ts';
import { type Issued, issueBatch } from './issue-batch.ts';
import type { IssuedGrant } from './issued-grant.ts';
import { type NewTokens, newTokens, type TokenLifetimes, tokenTimes } from './new-tokens.ts';
import { OAuthError } from './oauth-error.ts';
import {
  findPresented,
  insertAccessToken,
  type PresentedToken,
  type Rotation,
  rotateRefreshTokens,
} from './refresh-token-store.ts';
import { isBuiltInClient } from './scopes.ts';
import type { SigningQueue } from './signing-queue.ts';
import type { TokenObserver } from './token-metrics.ts';
import type { TokenResponse, TokenResponses } from './token-response.ts';

export interface RefreshTokensDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly responses: Pick<TokenResponses, 'of'>;
  readonly signingQueue: SigningQueue;
  readonly lifetimes: TokenLifetimes;
  readonly reuseGraceSeconds: number;
  /** Known after start. */
  readonly derivationKey: () => Uint8Array;
  readonly observer: Pick<TokenObserver, 'refreshReused'>;
}

export interface RefreshRequest {
  readonly refreshToken: string;
  readonly scope: string | undefined;
}

/** Longest walk from a spent token to the live one; each step is a rotation within the grace. */
const MAX_ROTATIONS_IN_GRACE = 10_000;

/**
 * Refresh tokens that rotate without ever signing an honest user out. Each has one successor, derived from it. A token used
 * again within the grace (by one of many processes that share it, or because an answer was lost) gets the family's live
 * token; used after the grace it is taken for stolen, and the whole family ends (RFC 9700 §4.14.2).
 */
export class RefreshTokens {
  readonly #deps: RefreshTokensDeps;
  readonly #rotations: WriteBatch<Rotation, Issued<IssuedGrant>>;

  constructor(deps: RefreshTokensDeps) {
    this.#deps = deps;
    this.#rotations = issueBatch(deps, (rotations, how) => rotateRefreshTokens(deps.db, { rotations, ...how }));
  }

  /** @throws {OAuthError} one of the three `refresh_token_…` codes; invalid_scope */
  async refresh(client: OAuthClient, request: RefreshRequest, origin: RequestOrigin): Promise<TokenResponse> {
    const { db, responses, derivationKey } = this.#deps;
    const { refreshToken, scope } = request;
    if (!isRefreshToken(refreshToken)) throw invalidated('malformed');
    const presentation = {
      tokenDigest: sha256(refreshToken),
      clientId: client.clientId,
      anyPublicClient: isBuiltInClient(client.clientId),
      scope,
    };
    const tokens = newTokens(successorOfRefreshToken(refreshToken, derivationKey()));
    const rotated = await this.#rotations.write({ ...presentation, ...tokens.digests });
    if (rotated) return responses.of(rotated.grant, { ...tokens, issuedAtSeconds: rotated.issuedAtSeconds });
    const presented = await findPresented(db, presentation);
    if (!presented) throw invalidated('unknown');
    return this.#refreshAgain(await this.#replayable(presented, request, origin), { presented, tokens, refreshToken });
  }

  /** @returns the grant under which a spent token may be answered once more */
  async #replayable(presented: PresentedToken, { scope }: RefreshRequest, origin: RequestOrigin): Promise<IssuedGrant> {
    const { clock, reuseGraceSeconds, grants } = this.#deps;
    const now = clock.now().getTime();
    if (!presented.clientMayUse) throw invalidated('of another client');
    const isReused = presented.spentAt && presented.spentAt.getTime() + reuseGraceSeconds * 1000 <= now;
    if (isReused) {
      await grants.revoke({ grantId: presented.grantId, reason: 'refresh_token_reused', origin });
      this.#deps.observer.refreshReused('revoked');
      throw new OAuthError('refresh_token_reused', 'the refresh token was used before', { reason: 'after the grace' });
    }
    if (presented.isGrantRevoked) throw invalidated('its grant is revoked');
    if (Math.min(presented.expiresAt.getTime(), presented.grantExpiresAt.getTime()) <= now) {
      throw new OAuthError('refresh_token_expired', 'the refresh token has expired');
    }
    if (!presented.grant) throw invalidated('the user is disabled or has no workspace');
    if (scope !== undefined && !isWithin(scope, presented.grantScope)) {
      throw new OAuthError('invalid_scope', 'scope is wider than what was granted');
    }
    return { ...presented.grant, scope: scope ?? presented.grantScope };
  }

  async #refreshAgain(
    grant: IssuedGrant,
    { presented, tokens, refreshToken }: { presented: PresentedToken; tokens: NewTokens; refreshToken: string },
  ): Promise<TokenResponse> {
    const { db, clock, lifetimes, responses } = this.#deps;
    const live = this.#liveSuccessor(refreshToken, presented.liveDigest);
    if (live === undefined) throw invalidated('no live token of its family descends from it');
    const times = tokenTimes(clock, lifetimes);
    const rows = { ...times, ...tokens.digests };
    const isIssued = await insertAccessToken(db, { grantId: grant.grantId, scope: grant.scope, tokens: rows });
    if (!isIssued) throw invalidated('its grant was revoked meanwhile');
    this.#deps.observer.refreshReused('again');
    return responses.of(grant, { jti: tokens.jti, refreshToken: live, issuedAtSeconds: times.issuedAtSeconds });
  }

  #liveSuccessor(refreshToken: string, liveDigest: Buffer | undefined): string | undefined {
    const key = this.#deps.derivationKey();
    let token = refreshToken;
    for (let step = 0; liveDigest && step < MAX_ROTATIONS_IN_GRACE; step += 1) {
      token = successorOfRefreshToken(token, key);
      if (sha256(token).equals(liveDigest)) return token;
    }
    return undefined;
  }
}

function invalidated(reason: string): OAuthError {
  return new OAuthError('refresh_token_invalidated', 'the refresh token is not valid', { reason });
}
