import type { Queryable } from '@codex-gateways/database';
import { type GrantedRow, type IssuedGrant, toIssuedGrant } from './issued-grant.ts';
import type { TokenDigests, TokenRows, TokenTimes } from './new-tokens.ts';

/** A refresh token as a client presents it. */
export interface Presentation {
  readonly tokenDigest: Buffer;
  readonly clientId: string;
  /** Whether the client may refresh for any public client, as the Codex CLI's own does (docs/protocol.md). */
  readonly anyPublicClient: boolean;
  /** A narrower scope for the access token (RFC 6749 §6); undefined for the grant's. */
  readonly scope: string | undefined;
}

/** A refresh token to spend, and what comes in its place. */
export interface Rotation extends Presentation, TokenDigests {}

/**
 * Spends live refresh tokens and writes the successor and a new access token of each, in one statement: of any number of concurrent
 * calls for one token one rotates it, since it holds the lock of the row, and the others look at `spent_at` again once they have it.
 * @param waits - for tokens that somebody else holds at the moment; without, they are left out, so that many tokens wait for none
 * @returns the grants of those that rotated, by their positions; of the others `findPresented` tells why
 */
export async function rotateRefreshTokens(
  db: Queryable,
  { rotations, times, waits }: { rotations: readonly Rotation[]; times: TokenTimes; waits: boolean },
): Promise<ReadonlyMap<number, IssuedGrant>> {
  const rotated = await db.query<GrantedRow & { position: number }>({
    name: waits ? 'rotate-refresh-token' : 'rotate-refresh-tokens',
    text: waits ? ROTATE_WAITING : ROTATE_AT_ONCE,
    values: [
      rotations.map(({ tokenDigest }) => tokenDigest),
      rotations.map(({ clientId }) => clientId),
      rotations.map(({ anyPublicClient }) => anyPublicClient),
      rotations.map(({ scope }) => scope),
      rotations.map(({ refreshDigest }) => refreshDigest),
      rotations.map(({ jtiDigest }) => jtiDigest),
      times.issuedAt,
      times.accessExpiresAt,
      times.refreshExpiresAt,
    ],
  });
  return new Map(rotated.rows.map((row) => [row.position - 1, toIssuedGrant(row)]));
}

// The range of positions says nothing, but the planner takes it for few rows, and so looks up each of them in every table: a plan
// that is made while the tables are small stays good when they are not.
const rotate = (lock: 'for update' | 'for update skip locked') => `
  with presented as (
    select position::integer, token_digest, client_id, any_public_client, scope, successor_digest, jti_digest
      from unnest($1::bytea[], $2::text[], $3::boolean[], $4::text[], $5::bytea[], $6::bytea[]) with ordinality
           as each_of (token_digest, client_id, any_public_client, scope, successor_digest, jti_digest, position)
     where position between 1 and cardinality($1)
  ), live as (
    select p.position, p.client_id, p.any_public_client, p.scope, p.successor_digest, p.jti_digest, t.token_digest, t.grant_id
      from presented p
     cross join lateral (
            select token_digest, grant_id
              from codex_auth.codex_refresh_tokens
             where token_digest = p.token_digest
               and spent_at is null
               and expires_at > $7
             limit 1
               ${lock}) t
  ), spent as (
    update codex_auth.codex_refresh_tokens t
       set spent_at = $7
      from live l
      join codex_auth.oauth_grants g on g.id = l.grant_id
      join codex_auth.account_holders h on h.user_id = g.user_id
     where t.token_digest = l.token_digest
       and t.spent_at is null
       and g.revoked_at is null
       and g.expires_at > $7
       and (g.client_id = l.client_id or (l.any_public_client and g.client_is_public))
       and (l.scope is null or string_to_array(g.scope, ' ') @> string_to_array(l.scope, ' '))
       and h.workspace_id is not null
 returning l.position, l.successor_digest, l.jti_digest, g.id as grant_id, g.client_id, g.user_id, g.authenticated_at,
           g.expires_at, coalesce(l.scope, g.scope) as scope, h.email, h.workspace_id, h.is_owner
  ), made_successor as (
    insert into codex_auth.codex_refresh_tokens (token_digest, grant_id, issued_at, expires_at)
    select successor_digest, grant_id, $7, least($9::timestamptz, expires_at) from spent
  ), made_access_token as (
    insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
    select jti_digest, grant_id, scope, $7, $8 from spent
  )
  select position, grant_id, client_id, user_id, authenticated_at, scope, email, workspace_id, is_owner from spent`;
const ROTATE_WAITING = rotate('for update');
const ROTATE_AT_ONCE = rotate('for update skip locked');

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
