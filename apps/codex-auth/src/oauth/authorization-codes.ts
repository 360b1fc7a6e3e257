import { randomUUID } from 'node:crypto';
import { randomToken, sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import { type Clock, continueTrace, currentTraceparent } from '@codex-gateways/service';
import { codeChallengeOf, isCodeVerifier } from '@codex-gateways/tokens';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { WriteBatch } from '../write-batch.ts';
import { isPublic, type OAuthClient } from './clients.ts';
import type { Grants } from './grants.ts';
import { type Issued, issueBatch } from './issue-batch.ts';
import { newTokens, type TokenLifetimes } from './new-tokens.ts';
import { OAuthError } from './oauth-error.ts';
import {
  findRedeemedGrant,
  insertAuthorizationCode,
  type Purchase,
  type Redeemed,
  redeemAuthorizationCodes,
} from './pkce-request-store.ts';
import type { SigningQueue } from './signing-queue.ts';
import type { TokenResponse, TokenResponses } from './token-response.ts';

/** Where the Codex CLI says that it was redirected when it redeems the code of a device login (docs/protocol.md). */
const DEVICE_CALLBACK_PATH = '/deviceauth/callback';

/** What a person agreed to, waiting for its client. */
export interface CodeRequest {
  readonly clientId: string;
  readonly userId: string;
  /** Undefined for a device login, whose code travels without a redirect. */
  readonly redirectUri: string | undefined;
  readonly codeChallenge: string;
  readonly scope: string;
  readonly nonce?: string | undefined;
  readonly authenticatedAt: Date | undefined;
}

export interface PresentedCode {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

export interface AuthorizationCodesDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly responses: Pick<TokenResponses, 'of'>;
  readonly signingQueue: SigningQueue;
  readonly lifetimes: TokenLifetimes & { readonly authorizationCodeLifetimeSeconds: number };
}

/** Authorization codes: one use, bound to client, redirect URI, challenge and user. */
export class AuthorizationCodes {
  readonly #deps: AuthorizationCodesDeps;
  readonly #purchases: WriteBatch<Purchase, Issued<Redeemed>>;

  constructor(deps: AuthorizationCodesDeps) {
    this.#deps = deps;
    this.#purchases = issueBatch(deps, (purchases, how) => redeemAuthorizationCodes(deps.db, { purchases, ...how }));
  }

  /** @param tx - the transaction of what the code is for */
  async issue(request: CodeRequest, tx?: Queryable): Promise<string> {
    const { db, clock, lifetimes } = this.#deps;
    const code = randomToken();
    const createdAt = clock.now();
    await insertAuthorizationCode(tx ?? db, {
      ...request,
      codeDigest: sha256(code),
      grantId: randomUUID(),
      nonce: request.nonce,
      traceparent: currentTraceparent(),
      createdAt,
      expiresAt: new Date(createdAt.getTime() + lifetimes.authorizationCodeLifetimeSeconds * 1000),
    });
    return code;
  }

  /**
   * Exchanges a code for tokens, once. A second use revokes what the first one bought (RFC 6749 §4.1.2).
   * @throws {OAuthError} invalid_grant
   */
  async redeem(client: OAuthClient, presented: PresentedCode, origin: RequestOrigin): Promise<TokenResponse> {
    const { code, redirectUri, codeVerifier } = presented;
    if (!isCodeVerifier(codeVerifier)) throw refused('malformed code_verifier');
    const codeDigest = sha256(code);
    const issueRefreshToken = client.grantTypes.includes('refresh_token');
    const tokens = newTokens();
    const bought = await this.#purchases.write({
      codeDigest,
      clientId: client.clientId,
      clientIsPublic: isPublic(client),
      redirectUri,
      isDeviceCallback: isDeviceCallback(redirectUri),
      codeChallenge: codeChallengeOf(codeVerifier),
      issueRefreshToken,
      ip: origin.ip,
      userAgent: origin.userAgent,
      ...tokens.digests,
    });
    if (!bought) throw await this.#refuse(client, codeDigest, origin);
    const { grant, issuedAtSeconds } = bought;
    const { nonce, traceparent } = grant;
    const refreshToken = issueRefreshToken ? tokens.refreshToken : undefined;
    return continueTrace(traceparent, 'redeem authorization code', () =>
      this.#deps.responses.of(grant, { jti: tokens.jti, refreshToken, nonce, issuedAtSeconds }),
    );
  }

  async #refuse(client: OAuthClient, codeDigest: Buffer, origin: RequestOrigin): Promise<OAuthError> {
    const { db, grants } = this.#deps;
    const grantId = await findRedeemedGrant(db, { codeDigest, clientId: client.clientId });
    if (grantId === undefined) return refused('unknown, expired, or of another client, redirect URI or challenge');
    await grants.revoke({ grantId, reason: 'code_replayed', origin });
    return refused('used before; its grant is revoked now');
  }
}

// The code went straight to the device, so there was no redirect whose target could be stolen: the host does not matter,
// and people reach one server under several names.
function isDeviceCallback(redirectUri: string): boolean {
  return URL.canParse(redirectUri) && new URL(redirectUri).pathname.endsWith(DEVICE_CALLBACK_PATH);
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'the authorization code is not valid', { reason });
}
