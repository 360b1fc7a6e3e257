import type { Queryable } from '@codex-gateways/database';

export type KeyStatus = 'pending' | 'active' | 'retired';

/** A row of `codex_jwks_keys`; the private half is sealed. */
export interface StoredKey {
  readonly kid: string;
  readonly publicN: string;
  readonly publicE: string;
  readonly privatePkcs8Sealed: Buffer;
  readonly status: KeyStatus;
  readonly createdAt: Date;
  readonly activatedAt: Date | undefined;
  readonly retiredAt: Date | undefined;
  /** Of a pending key: when it begins to sign. */
  readonly activatesAt: Date | undefined;
  /** Of a retired key: when the last token of a session that it signed has expired. */
  readonly publishedUntil: Date | undefined;
}

/** A key before it is stored. */
export type NewKey = Pick<StoredKey, 'kid' | 'publicN' | 'publicE' | 'privatePkcs8Sealed'>;

/** Every replica listens to it, and reads the keys again. */
export const KEYS_CHANGED_CHANNEL = 'codex_auth_signing_keys';

interface KeyRow {
  kid: string;
  public_n: string;
  public_e: string;
  private_pkcs8_sealed: Buffer;
  status: KeyStatus;
  created_at: Date;
  activated_at: Date | null;
  retired_at: Date | null;
  activates_at: Date | null;
  published_until: Date | null;
}

/** Every published key, the active one first, then by age. */
export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  const found = await db.query<KeyRow>(
    `select kid, public_n, public_e, private_pkcs8_sealed, status, created_at, activated_at, retired_at, activates_at,
            published_until
       from codex_auth.codex_jwks_keys
      order by (status = 'active') desc, created_at, kid`,
  );
  return found.rows.map((row) => ({
    kid: row.kid,
    publicN: row.public_n,
    publicE: row.public_e,
    privatePkcs8Sealed: row.private_pkcs8_sealed,
    status: row.status,
    createdAt: row.created_at,
    activatedAt: row.activated_at ?? undefined,
    retiredAt: row.retired_at ?? undefined,
    activatesAt: row.activates_at ?? undefined,
    publishedUntil: row.published_until ?? undefined,
  }));
}

/**
 * Makes the changes of keys one after the other, whichever replica makes them: others may read meanwhile, not write. Until
 * the end of the transaction.
 */
export async function lockKeys(tx: Queryable): Promise<void> {
  await tx.query('lock table codex_auth.codex_jwks_keys in share row exclusive mode');
}

/** Inserts the active key unless there is one: `codex_jwks_keys_one_active_uq` lets one of any number of replicas win. */
export async function insertActiveKey(db: Queryable, key: NewKey, now: Date): Promise<void> {
  await db.query(
    `insert into codex_auth.codex_jwks_keys
            (kid, public_n, public_e, private_pkcs8_sealed, status, created_at, activated_at)
     values ($1, $2, $3, $4, 'active', $5, $5)
         on conflict do nothing`,
    [key.kid, key.publicN, key.publicE, key.privatePkcs8Sealed, now],
  );
}

/** Publishes a key that signs later; with the keys locked, and no other key pending. */
export async function insertPendingKey(
  tx: Queryable,
  key: NewKey,
  { now, activatesAt }: { now: Date; activatesAt: Date },
): Promise<void> {
  await tx.query(
    `insert into codex_auth.codex_jwks_keys
            (kid, public_n, public_e, private_pkcs8_sealed, status, created_at, activates_at)
     values ($1, $2, $3, $4, 'pending', $5, $6)`,
    [key.kid, key.publicN, key.publicE, key.privatePkcs8Sealed, now, activatesAt],
  );
}

/**
 * Stops the active key from signing. It stays published at least until `publishedUntil`, and until the last access token
 * in the database has expired, should that have been issued under a longer lifetime.
 * @returns its id
 */
export async function retireActiveKey(
  tx: Queryable,
  { now, publishedUntil }: { now: Date; publishedUntil: Date },
): Promise<string | undefined> {
  const retired = await tx.query<{ kid: string }>(
    `update codex_auth.codex_jwks_keys
        set status = 'retired',
            retired_at = $1,
            published_until = greatest($2, (select max(expires_at) from codex_auth.codex_access_tokens))
      where status = 'active'
  returning kid`,
    [now, publishedUntil],
  );
  return retired.rows[0]?.kid;
}

/** Lets the pending key sign; with the keys locked, and no key active. @returns its id */
export async function activatePendingKey(tx: Queryable, now: Date): Promise<string | undefined> {
  const activated = await tx.query<{ kid: string }>(
    `update codex_auth.codex_jwks_keys
        set status = 'active', activated_at = $1, activates_at = null
      where status = 'pending'
  returning kid`,
    [now],
  );
  return activated.rows[0]?.kid;
}

/** Deletes a key, whatever its status. @returns its status, or undefined when there is none */
export async function deleteKey(tx: Queryable, kid: string): Promise<KeyStatus | undefined> {
  const deleted = await tx.query<{ status: KeyStatus }>(
    'delete from codex_auth.codex_jwks_keys where kid = $1 returning status',
    [kid],
  );
  return deleted.rows[0]?.status;
}

/** Deletes the retired keys that signed nothing which is still valid. @returns their ids */
export async function deleteUnneededKeys(db: Queryable, now: Date): Promise<string[]> {
  const deleted = await db.query<{ kid: string }>(
    `delete from codex_auth.codex_jwks_keys k
      where k.status = 'retired'
        and k.published_until <= $1
        and not exists (
              select 1
                from codex_auth.codex_agent_identities i
               where i.jwt_signed_with = k.kid
                 and i.revoked_at is null
                 and i.expires_at > $1)
  returning k.kid`,
    [now],
  );
  return deleted.rows.map(({ kid }) => kid);
}

/** How many live Agent Identity JWTs each key has signed, and when the last of them expires. */
export async function listIdentitiesByKey(
  db: Queryable,
  now: Date,
): Promise<ReadonlyMap<string, { count: number; lastExpiresAt: Date }>> {
  const { rows } = await db.query<{ kid: string; identities: number; last_expires_at: Date }>(
    `select jwt_signed_with as kid, count(*)::integer as identities, max(expires_at) as last_expires_at
       from codex_auth.codex_agent_identities
      where revoked_at is null
        and expires_at > $1
      group by jwt_signed_with`,
    [now],
  );
  return new Map(rows.map((row) => [row.kid, { count: row.identities, lastExpiresAt: row.last_expires_at }]));
}

/** Tells every replica, once the transaction commits. */
export async function announceKeysChanged(tx: Queryable): Promise<void> {
  await tx.query(`select pg_notify($1, '')`, [KEYS_CHANGED_CHANNEL]);
}
