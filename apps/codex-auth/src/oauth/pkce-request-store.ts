import type { Queryable } from '@codex-gateways/database';
import { type GrantedRow, type IssuedGrant, toIssuedGrant } from './issued-grant.ts';
import type { TokenRows } from './new-tokens.ts';

export interface NewAuthorizationCode {
  readonly codeDigest: Buffer;
  readonly grantId: string;
  readonly clientId: string;
  readonly userId: string;
  /** Undefined for a code that a device login hands out directly. */
  readonly redirectUri: string | undefined;
  readonly codeChallenge: string;
  readonly scope: string;
  readonly nonce: string | undefined;
  readonly authenticatedAt: Date | undefined;
  /** The trace that the login is. */
  readonly traceparent: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export async function insertAuthorizationCode(db: Queryable, code: NewAuthorizationCode): Promise<void> {
  await db.query(
    `insert into codex_auth.codex_pkce_requests
            (code_digest, grant_id, client_id, user_id, redirect_uri, code_challenge, scope, nonce, authenticated_at,
             created_at, expires_at, traceparent)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      code.codeDigest,
      code.grantId,
      code.clientId,
      code.userId,
      code.redirectUri,
      code.codeChallenge,
      code.scope,
      code.nonce,
      code.authenticatedAt,
      code.createdAt,
      code.expiresAt,
      code.traceparent,
    ],
  );
}

/** What a client presents with a code. */
export interface CodeRedemption {
  readonly codeDigest: Buffer;
  readonly clientId: string;
  readonly clientIsPublic: boolean;
  readonly redirectUri: string;
  /** True when the redirect URI is the one that a code of a device login is redeemed with. */
  readonly isDeviceCallback: boolean;
  /** Computed from the verifier (RFC 7636 §4.6). */
  readonly codeChallenge: string;
  readonly issueRefreshToken: boolean;
  /** Where the client is. */
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Spends a code and writes what it buys, in one statement: of any number of concurrent calls exactly one gets a grant, since
 * the update takes the row lock and a waiter checks `redeemed_at` again after the winner has committed.
 * @returns undefined when the code is refused, for whatever reason
 * @see RFC 6749 §4.1.2 (single use)
 */
export async function redeemAuthorizationCode(
  db: Queryable,
  redemption: CodeRedemption,
  tokens: TokenRows,
): Promise<(IssuedGrant & { nonce: string | undefined; traceparent: string | undefined }) | undefined> {
  const redeemed = await db.query<GrantedRow & { nonce: string | null; traceparent: string | null }>({
    name: 'redeem-authorization-code',
    text: REDEEM,
    values: [
      redemption.codeDigest,
      redemption.clientId,
      redemption.redirectUri,
      redemption.isDeviceCallback,
      redemption.codeChallenge,
      redemption.clientIsPublic,
      redemption.issueRefreshToken,
      tokens.issuedAt,
      tokens.jtiDigest,
      tokens.accessExpiresAt,
      tokens.refreshDigest,
      tokens.refreshExpiresAt,
      tokens.familyExpiresAt,
      redemption.ip,
      redemption.userAgent,
    ],
  });
  const row = redeemed.rows[0];
  return row && { ...toIssuedGrant(row), nonce: row.nonce ?? undefined, traceparent: row.traceparent ?? undefined };
}

const REDEEM = `
  with spent as (
    update codex_auth.codex_pkce_requests p
       set redeemed_at = $8
      from codex_auth.account_holders h
     where p.code_digest = $1
       and p.client_id = $2
       and (p.redirect_uri = $3 or (p.redirect_uri is null and $4))
       and p.code_challenge = $5
       and p.expires_at > $8
       and p.redeemed_at is null
       and h.user_id = p.user_id
       and h.workspace_id is not null
 returning p.grant_id, p.client_id, p.user_id, p.scope, p.nonce, p.authenticated_at, p.traceparent, h.email, h.workspace_id,
           h.is_owner
  ), made_grant as (
    insert into codex_auth.oauth_grants
           (id, client_id, client_is_public, user_id, scope, authenticated_at, created_at, expires_at, ip, user_agent)
    select grant_id, client_id, $6, user_id, scope, authenticated_at, $8, $13, $14, $15 from spent
  ), made_access_token as (
    insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
    select $9, grant_id, scope, $8, $10 from spent
  ), made_refresh_token as (
    insert into codex_auth.codex_refresh_tokens (token_digest, grant_id, issued_at, expires_at)
    select $11, grant_id, $8, least($12::timestamptz, $13::timestamptz) from spent where $7
  )
  select grant_id, client_id, user_id, scope, nonce, authenticated_at, traceparent, email, workspace_id, is_owner from spent`;

/** The grant that a code was redeemed for before, by the same client; undefined when it was never redeemed. */
export async function findRedeemedGrant(
  db: Queryable,
  { codeDigest, clientId }: { codeDigest: Buffer; clientId: string },
): Promise<string | undefined> {
  const found = await db.query<{ grant_id: string }>(
    `select grant_id
       from codex_auth.codex_pkce_requests
      where code_digest = $1
        and client_id = $2
        and redeemed_at is not null`,
    [codeDigest, clientId],
  );
  return found.rows[0]?.grant_id;
}

/** Deletes up to `limit` codes that expired at or before a moment. */
export async function deleteExpiredCodes(
  db: Queryable,
  { expiredBy, limit }: { expiredBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.codex_pkce_requests
      where code_digest in (
              select code_digest
                from codex_auth.codex_pkce_requests
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}

/** Deletes the codes of a client; a redemption that is under way is waited for. */
export async function deleteCodesOf(db: Queryable, clientId: string): Promise<void> {
  await db.query('delete from codex_auth.codex_pkce_requests where client_id = $1', [clientId]);
  await db.query('delete from codex_auth.codex_device_codes where client_id = $1', [clientId]);
}
