import type { Queryable } from '@codex-gateways/database';
import { type GrantedRow, type IssuedGrant, toIssuedGrant } from './issued-grant.ts';
import type { TokenDigests, TokenTimes } from './new-tokens.ts';

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

/** A code to spend, and what it buys. */
export interface Purchase extends CodeRedemption, TokenDigests {}

/** What a code was for. */
export interface Redeemed extends IssuedGrant {
  readonly nonce: string | undefined;
  readonly traceparent: string | undefined;
}

/**
 * Spends codes and writes what each buys, in one statement: of any number of concurrent calls for one code exactly one gets a grant,
 * since it holds the lock of the row, and the others look at `redeemed_at` again once they have it.
 * @param waits - for codes that somebody else holds at the moment; without, they are left out, so that many codes wait for none
 * @returns what each was for, by its position; without those that are refused, for whatever reason
 * @see RFC 6749 §4.1.2 (single use)
 */
export async function redeemAuthorizationCodes(
  db: Queryable,
  { purchases, times, waits }: { purchases: readonly Purchase[]; times: TokenTimes; waits: boolean },
): Promise<ReadonlyMap<number, Redeemed>> {
  const redeemed = await db.query<RedeemedRow>({
    name: waits ? 'redeem-authorization-code' : 'redeem-authorization-codes',
    text: waits ? REDEEM_WAITING : REDEEM_AT_ONCE,
    values: [
      purchases.map(({ codeDigest }) => codeDigest),
      purchases.map(({ clientId }) => clientId),
      purchases.map(({ redirectUri }) => redirectUri),
      purchases.map(({ isDeviceCallback }) => isDeviceCallback),
      purchases.map(({ codeChallenge }) => codeChallenge),
      purchases.map(({ clientIsPublic }) => clientIsPublic),
      purchases.map(({ jtiDigest }) => jtiDigest),
      purchases.map(({ issueRefreshToken, refreshDigest }) => (issueRefreshToken ? refreshDigest : null)),
      purchases.map(({ ip }) => ip),
      purchases.map(({ userAgent }) => userAgent),
      times.issuedAt,
      times.accessExpiresAt,
      times.refreshExpiresAt,
      times.familyExpiresAt,
    ],
  });
  return new Map(redeemed.rows.map((row) => [row.position - 1, toRedeemed(row)]));
}

interface RedeemedRow extends GrantedRow {
  position: number;
  nonce: string | null;
  traceparent: string | null;
}

function toRedeemed(row: RedeemedRow): Redeemed {
  return { ...toIssuedGrant(row), nonce: row.nonce ?? undefined, traceparent: row.traceparent ?? undefined };
}

// The range of positions says nothing, but the planner takes it for few rows, and so looks up each of them in every table: a plan
// that is made while the tables are small stays good when they are not.
const redeem = (lock: 'for update' | 'for update skip locked') => `
  with presented as (
    select position::integer, code_digest, client_id, redirect_uri, is_device_callback, code_challenge, client_is_public,
           jti_digest, refresh_digest, ip, user_agent
      from unnest($1::bytea[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::boolean[], $7::bytea[], $8::bytea[],
                  $9::inet[], $10::text[]) with ordinality
           as each_of (code_digest, client_id, redirect_uri, is_device_callback, code_challenge, client_is_public,
                       jti_digest, refresh_digest, ip, user_agent, position)
     where position between 1 and cardinality($1)
  ), live as (
    select p.*
      from presented p
     cross join lateral (
            select 1
              from codex_auth.codex_pkce_requests
             where code_digest = p.code_digest
               and client_id = p.client_id
               and (redirect_uri = p.redirect_uri or (redirect_uri is null and p.is_device_callback))
               and code_challenge = p.code_challenge
               and expires_at > $11
               and redeemed_at is null
             limit 1
               ${lock}) c
  ), spent as (
    update codex_auth.codex_pkce_requests c
       set redeemed_at = $11
      from live l, codex_auth.account_holders h
     where c.code_digest = l.code_digest
       and c.redeemed_at is null
       and h.user_id = c.user_id
       and h.workspace_id is not null
 returning l.position, l.client_is_public, l.jti_digest, l.refresh_digest, l.ip, l.user_agent, c.grant_id, c.client_id, c.user_id,
           c.scope, c.nonce, c.authenticated_at, c.traceparent, h.email, h.workspace_id, h.is_owner
  ), made_grant as (
    insert into codex_auth.oauth_grants
           (id, client_id, client_is_public, user_id, scope, authenticated_at, created_at, expires_at, ip, user_agent)
    select grant_id, client_id, client_is_public, user_id, scope, authenticated_at, $11, $14, ip, user_agent from spent
  ), made_access_token as (
    insert into codex_auth.codex_access_tokens (jti_digest, grant_id, scope, issued_at, expires_at)
    select jti_digest, grant_id, scope, $11, $12 from spent
  ), made_refresh_token as (
    insert into codex_auth.codex_refresh_tokens (token_digest, grant_id, issued_at, expires_at)
    select refresh_digest, grant_id, $11, least($13::timestamptz, $14::timestamptz) from spent where refresh_digest is not null
  )
  select position, grant_id, client_id, user_id, scope, nonce, authenticated_at, traceparent, email, workspace_id, is_owner
    from spent`;
const REDEEM_WAITING = redeem('for update');
const REDEEM_AT_ONCE = redeem('for update skip locked');

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
