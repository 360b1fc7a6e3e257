import type { Queryable } from '@codex-gateways/database';

export type KeyStatus = 'pending' | 'active' | 'retired';

/** A row of `codex_jwks_keys`; the private half is sealed. */
export interface StoredKey {
  readonly kid: string;
  readonly publicN: string;
  readonly publicE: string;
  readonly privatePkcs8Sealed: Buffer;
  readonly status: KeyStatus;
}

interface KeyRow {
  kid: string;
  public_n: string;
  public_e: string;
  private_pkcs8_sealed: Buffer;
  status: KeyStatus;
}

/** Every published key, the active one first, then by age. */
export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  const found = await db.query<KeyRow>(
    `select kid, public_n, public_e, private_pkcs8_sealed, status
       from codex_auth.codex_jwks_keys
      order by (status = 'active') desc, created_at, kid`,
  );
  return found.rows.map((row) => ({
    kid: row.kid,
    publicN: row.public_n,
    publicE: row.public_e,
    privatePkcs8Sealed: row.private_pkcs8_sealed,
    status: row.status,
  }));
}

/** Inserts the active key unless there is one: `codex_jwks_keys_one_active_uq` lets one of any number of replicas win. */
export async function insertActiveKey(db: Queryable, key: Omit<StoredKey, 'status'>, now: Date): Promise<void> {
  await db.query(
    `insert into codex_auth.codex_jwks_keys
            (kid, public_n, public_e, private_pkcs8_sealed, status, created_at, activated_at)
     values ($1, $2, $3, $4, 'active', $5, $5)
         on conflict do nothing`,
    [key.kid, key.publicN, key.publicE, key.privatePkcs8Sealed, now],
  );
}

/** Replaces a private key's seal; of replicas that do it at once, each leaves a seal that opens. */
export async function replaceSeal(db: Queryable, { kid, sealed }: { kid: string; sealed: Buffer }): Promise<void> {
  await db.query('update codex_auth.codex_jwks_keys set private_pkcs8_sealed = $2 where kid = $1', [kid, sealed]);
}
