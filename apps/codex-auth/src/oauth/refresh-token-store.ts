import type { Queryable } from '@codex-gateways/database';
import { type GrantedRow, type IssuedGrant, toIssuedGrant } from './issued-grant.ts';
import type { TokenRows } from './new-tokens.ts';

/** A refresh token as a client presents it. */
export interface Presentation {
  readonly tokenDigest: Buffer;
  readonly clientId: string;
  /** Whether the client may refresh for any public client, as the Codex CLI's own does (docs/protocol.md). */
  readonly anyPublicClient: boolean;
  /** A narrower scope for the access token (RFC 6749 §6); undefined for the grant's. */
  readonly scopes: readonly string[] | undefined;
}

/**
 * Spends a live refresh token and writes its successor and a new access token, in one statement: of any number of concurrent
 * calls one rotates, since the update takes the row lock and the waiters check `spent_at` again after it has committed.
 * @returns undefined when the token does not rotate: `findPresented` tells why
 */
export async function rotateRefreshToken(
  db: Queryable,
  presentation: Presentation,
  tokens: TokenRows,
): Promise<IssuedGrant | undefined> {
  const rotated = await db.query<GrantedRow>({
    name: 'rotate-refresh-token',
    text: ROTATE,
    values: [
      presentation.tokenDigest,
      tokens.issuedAt,
      presentation.clientId,
      presentation.anyPublicClient,
      presentation.scopes,
      tokens.refreshDigest,
      tokens.refreshExpiresAt,
      tokens.jtiDigest,
      tokens.accessExpiresAt,
    ],
  });
  return rotated.rows[0] && toIssuedGrant(rotated.rows[0]);
}

const ROTATE = `
  with spent as (
    update codex_auth.codex_refresh_tokens t
       set spent_at = $2
      from codex_auth.oauth_grants g
      join codex_auth.account_holders h on h.user_id = g.user_id
     where t.token_digest = $1
       and t.spent_at is null
       and t.expires_at > $2
       and g.id = t.grant_id
       and g.revoked_at is null
       and g.expires_at > $2
       and (g.client_id = $3 or ($4 and g.client_is_public))
       and ($5::text[] is null or string_to_array(g.scope, ' ') @> $5)
       and h.workspace_id is not null
 returning g.id as grant_id, g.client_id, g.user_id, g.authenticated_at, g.expires_at,
           coalesce(array_to_string($5::text[], ' '), g.scope) as scope, h.email, h.workspace_id, h.is_owner
  ), made_successor as (
    insert into codex_auth.codex_refresh_tokens (token_digest, grant_id, issued_at, expires_at)
    select $6, grant_id, $2, least($7::timestamptz, expires_at) from spent
  ), made_access_token as (
    insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
    select $8, grant_id, scope, $2, $9 from spent
  )
  select grant_id, client_id, user_id, authenticated_at, scope, email, workspace_id, is_owner from spent`;

/** What is known of a refresh token that did not rotate. */
export interface PresentedToken {
  /** Undefined while no live user with a workspace stands behind it. */
  readonly grant: IssuedGrant | undefined;
  readonly grantId: string;
  readonly grantScope: string;
  readonly clientMayUse: boolean;
  readonly expiresAt: Date;
  readonly spentAt: Date | undefined;
  readonly grantExpiresAt: Date;
  readonly isGrantRevoked: boolean;
  /** Digest of the one token of the family that is not spent. */
  readonly liveDigest: Buffer | undefined;
}

interface PresentedRow {
  grant_id: string;
  client_id: string;
  user_id: string;
  scope: string;
  authenticated_at: Date | null;
  email: string | null;
  workspace_id: string | null;
  is_owner: boolean | null;
  client_may_use: boolean;
  expires_at: Date;
  spent_at: Date | null;
  grant_expires_at: Date;
  is_revoked: boolean;
  live_digest: Buffer | null;
}

export async function findPresented(
  db: Queryable,
  { tokenDigest, clientId, anyPublicClient }: Pick<Presentation, 'tokenDigest' | 'clientId' | 'anyPublicClient'>,
): Promise<PresentedToken | undefined> {
  const found = await db.query<PresentedRow>({
    name: 'find-presented-refresh-token',
    text: `select g.id as grant_id, g.client_id, g.user_id, g.scope, g.authenticated_at,
                  h.email, h.workspace_id, h.is_owner,
                  (g.client_id = $2 or ($3 and g.client_is_public)) as client_may_use,
                  t.expires_at, t.spent_at, g.expires_at as grant_expires_at, g.revoked_at is not null as is_revoked,
                  live.token_digest as live_digest
             from codex_auth.codex_refresh_tokens t
             join codex_auth.oauth_grants g on g.id = t.grant_id
             left join codex_auth.account_holders h on h.user_id = g.user_id
             left join codex_auth.codex_refresh_tokens live on live.grant_id = g.id and live.spent_at is null
            where t.token_digest = $1`,
    values: [tokenDigest, clientId, anyPublicClient],
  });
  return found.rows[0] && toPresented(found.rows[0]);
}

function toPresented(row: PresentedRow): PresentedToken {
  const { email, workspace_id, is_owner } = row;
  const hasHolder = email !== null && workspace_id !== null && is_owner !== null;
  return {
    grant: hasHolder ? toIssuedGrant({ ...row, email, workspace_id, is_owner }) : undefined,
    grantId: row.grant_id,
    grantScope: row.scope,
    clientMayUse: row.client_may_use,
    expiresAt: row.expires_at,
    spentAt: row.spent_at ?? undefined,
    grantExpiresAt: row.grant_expires_at,
    isGrantRevoked: row.is_revoked,
    liveDigest: row.live_digest ?? undefined,
  };
}

/** Writes an access token under a grant that is still good. @returns false when it no longer is */
export async function insertAccessToken(
  db: Queryable,
  { grantId, scope, tokens }: { grantId: string; scope: string; tokens: TokenRows },
): Promise<boolean> {
  const made = await db.query({
    name: 'insert-access-token',
    text: `insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
           select $1, id, $3, $4, $5 from codex_auth.oauth_grants where id = $2 and revoked_at is null`,
    values: [tokens.jtiDigest, grantId, scope, tokens.issuedAt, tokens.accessExpiresAt],
  });
  return made.rowCount === 1;
}
