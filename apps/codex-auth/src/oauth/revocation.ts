import { sha256 } from '@codex-gateways/crypto';
import { type Pool, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { isRefreshToken } from '@codex-gateways/tokens';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { OAuthClient } from './clients.ts';
import type { Grants } from './grants.ts';
import { OAuthError } from './oauth-error.ts';
import {
  findGrantOfAccessToken,
  findGrantOfRefreshToken,
  revokeAccessToken,
  type TokenGrant,
} from './revocation-store.ts';
import { isBuiltInClient } from './scopes.ts';

export interface RevocationDeps {
  readonly pool: Pool;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly accessTokens: Pick<AccessTokens, 'jtiOf'>;
}

/** Ends tokens at their client's wish (RFC 7009). */
export class Revocation {
  readonly #deps: RevocationDeps;

  constructor(deps: RevocationDeps) {
    this.#deps = deps;
  }

  /**
   * A refresh token takes its whole grant with it, an access token only itself. The kind is told by the form, so the
   * client's hint is not needed. An unknown token is what the client wanted already.
   * @throws {OAuthError} invalid_grant for a token that was issued to another client
   */
  async revoke(client: OAuthClient, token: string, origin: RequestOrigin): Promise<void> {
    const { pool, grants, accessTokens } = this.#deps;
    if (isRefreshToken(token)) {
      const grant = await findGrantOfRefreshToken(pool, sha256(token));
      if (!grant) return;
      requireOwn(client, grant);
      await grants.revoke({ grantId: grant.grantId, reason: 'revoked_by_client', origin });
      return;
    }
    const jti = accessTokens.jtiOf(token);
    if (jti === undefined) return;
    const jtiDigest = sha256(jti);
    const grant = await findGrantOfAccessToken(pool, jtiDigest);
    if (!grant) return;
    requireOwn(client, grant);
    await this.#endAccessToken({ jti, jtiDigest, origin });
  }

  /** Both or neither: it ends, and that is written down. */
  #endAccessToken({
    jti,
    jtiDigest,
    origin,
  }: {
    jti: string;
    jtiDigest: Buffer;
    origin: RequestOrigin;
  }): Promise<void> {
    const { pool, clock, audit } = this.#deps;
    return transaction(pool, async (tx) => {
      const revoked = await revokeAccessToken(tx, { jtiDigest, now: clock.now() });
      if (!revoked) return;
      const details = { client_id: revoked.clientId, user_id: revoked.userId, grant_id: revoked.grantId };
      const event = { action: 'access_token.revoked', subjectType: 'access_token', subjectId: jti, details, ...origin };
      await audit.record(event, tx);
    });
  }
}

// The Codex CLI logs out under its built-in client id whatever client it logged in with; whoever has the refresh token of
// a public client has all that this client ever had (docs/protocol.md).
function requireOwn(client: OAuthClient, grant: TokenGrant): void {
  const isOwn = grant.clientId === client.clientId || (grant.clientIsPublic && isBuiltInClient(client.clientId));
  if (!isOwn) throw new OAuthError('invalid_grant', 'the token was issued to another client');
}
