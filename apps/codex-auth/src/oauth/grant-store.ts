import type { Queryable } from '@codex-gateways/database';
import type { RevocationReason } from './grants.ts';
import { type GrantedRow, type IssuedGrant, toIssuedGrant } from './issued-grant.ts';
import type { TokenRows } from './new-tokens.ts';

/** Revokes a grant, and so every token under it. @returns whose it was, or undefined when it was revoked already */
export async function revokeGrant(
  db: Queryable,
  { grantId, reason, now }: { grantId: string; reason: RevocationReason; now: Date },
): Promise<{ userId: string; clientId: string } | undefined> {
  const revoked = await db.query<{ user_id: string; client_id: string }>(
    `update codex_auth.oauth_grants
        set revoked_at = $2, revocation_reason = $3
      where id = $1
        and revoked_at is null
  returning user_id, client_id`,
    [grantId, now, reason],
  );
  const row = revoked.rows[0];
  return row && { userId: row.user_id, clientId: row.client_id };
}

/** Revokes every grant of a client. @returns how many */
export async function revokeGrantsOfClient(
  db: Queryable,
  { clientId, reason, now }: { clientId: string; reason: RevocationReason; now: Date },
): Promise<number> {
  const revoked = await db.query(
    `update codex_auth.oauth_grants
        set revoked_at = $2, revocation_reason = $3
      where client_id = $1
        and revoked_at is null`,
    [clientId, now, reason],
  );
  return revoked.rowCount ?? 0;
}

export interface NewGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly clientIsPublic: boolean;
  readonly userId: string;
  readonly scope: string;
  readonly authenticatedAt: Date | undefined;
  /** Where the client is, and what it says that it is. */
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  readonly issueRefreshToken: boolean;
}

/** Writes a grant with its first tokens, in one statement. @returns undefined when the user is disabled or has no workspace */
export async function insertGrantWithTokens(
  db: Queryable,
  grant: NewGrant,
  tokens: TokenRows,
): Promise<IssuedGrant | undefined> {
  const made = await db.query<GrantedRow>(
    `with holder as (
       select user_id, email, workspace_id, is_owner
         from codex_auth.account_holders
        where user_id = $4
          and workspace_id is not null
     ), made_grant as (
       insert into codex_auth.oauth_grants
              (id, client_id, client_is_public, user_id, scope, authenticated_at, created_at, expires_at, ip, user_agent)
       select $1, $2, $3, user_id, $5, $6, $8, $13, $14, $15 from holder
       returning id, client_id, user_id, scope, authenticated_at
     ), made_access_token as (
       insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
       select $9, id, scope, $8, $10 from made_grant
     ), made_refresh_token as (
       insert into codex_auth.codex_refresh_tokens (token_digest, grant_id, issued_at, expires_at)
       select $11, id, $8, least($12::timestamptz, $13::timestamptz) from made_grant where $7
     )
     select g.id as grant_id, g.client_id, g.user_id, g.scope, g.authenticated_at, h.email, h.workspace_id, h.is_owner
       from made_grant g
       join holder h on h.user_id = g.user_id`,
    [
      grant.grantId,
      grant.clientId,
      grant.clientIsPublic,
      grant.userId,
      grant.scope,
      grant.authenticatedAt,
      grant.issueRefreshToken,
      tokens.issuedAt,
      tokens.jtiDigest,
      tokens.accessExpiresAt,
      tokens.refreshDigest,
      tokens.refreshExpiresAt,
      tokens.familyExpiresAt,
      grant.ip,
      grant.userAgent,
    ],
  );
  return made.rows[0] && toIssuedGrant(made.rows[0]);
}

/** Deletes up to `limit` access tokens that expired at or before a moment. */
export async function deleteExpiredAccessTokens(db: Queryable, { expiredBy, limit }: Expired): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.codex_access_tokens
      where jti_digest in (
              select jti_digest
                from codex_auth.codex_access_tokens
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}

/** Deletes up to `limit` refresh tokens that expired at or before a moment. */
export async function deleteExpiredRefreshTokens(db: Queryable, { expiredBy, limit }: Expired): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.codex_refresh_tokens
      where token_digest in (
              select token_digest
                from codex_auth.codex_refresh_tokens
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}

/** Deletes up to `limit` grants that were made at or before a moment and have no token left. */
export async function deleteEmptyGrants(
  db: Queryable,
  { madeBy, limit }: { madeBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.oauth_grants
      where id in (
              select g.id
                from codex_auth.oauth_grants g
               where g.created_at <= $1
                 and not exists (select 1 from codex_auth.codex_access_tokens a where a.grant_id = g.id)
                 and not exists (select 1 from codex_auth.codex_refresh_tokens r where r.grant_id = g.id)
               limit $2
                 for update skip locked
            )`,
    [madeBy, limit],
  );
  return gone.rowCount ?? 0;
}

interface Expired {
  readonly expiredBy: Date;
  readonly limit: number;
}
