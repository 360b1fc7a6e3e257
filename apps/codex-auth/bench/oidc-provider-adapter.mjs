const TABLE = `
  create table oidc_payloads (
    id text not null,
    type text not null,
    payload jsonb not null,
    grant_id text,
    user_code text,
    uid text,
    expires_at timestamptz,
    consumed_at timestamptz,
    primary key (id, type)
  );
  create index oidc_payloads_grant_idx on oidc_payloads (grant_id);
  create index oidc_payloads_uid_idx on oidc_payloads (uid) where uid is not null`;

export async function createTable(pool) {
  await pool.query(TABLE);
}

/** The adapter that oidc-provider documents, over node-postgres, each operation one prepared statement. */
export function createAdapter(pool) {
  return class PostgresAdapter {
    constructor(type) {
      this.type = type;
    }

    async upsert(id, payload, expiresInSeconds) {
      const expiresAt = expiresInSeconds ? new Date(Date.now() + expiresInSeconds * 1000) : null;
      await pool.query({
        name: 'upsert',
        text: `insert into oidc_payloads (id, type, payload, grant_id, user_code, uid, expires_at)
               values ($1, $2, $3, $4, $5, $6, $7)
                   on conflict (id, type) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
        values: [id, this.type, payload, payload.grantId, payload.userCode, payload.uid, expiresAt],
      });
    }

    async find(id) {
      const { rows } = await pool.query({
        name: 'find',
        text: 'select payload, expires_at, consumed_at from oidc_payloads where id = $1 and type = $2',
        values: [id, this.type],
      });
      return toPayload(rows[0]);
    }

    async findByUid(uid) {
      const { rows } = await pool.query({
        name: 'find-by-uid',
        text: 'select payload, expires_at, consumed_at from oidc_payloads where uid = $1 and type = $2',
        values: [uid, this.type],
      });
      return toPayload(rows[0]);
    }

    async findByUserCode(userCode) {
      const text = 'select payload, expires_at, consumed_at from oidc_payloads where user_code = $1 and type = $2';
      return toPayload((await pool.query(text, [userCode, this.type])).rows[0]);
    }

    async destroy(id) {
      await pool.query({
        name: 'destroy',
        text: 'delete from oidc_payloads where id = $1 and type = $2',
        values: [id, this.type],
      });
    }

    async revokeByGrantId(grantId) {
      await pool.query('delete from oidc_payloads where grant_id = $1', [grantId]);
    }

    async consume(id) {
      await pool.query({
        name: 'consume',
        text: 'update oidc_payloads set consumed_at = now() where id = $1 and type = $2',
        values: [id, this.type],
      });
    }
  };
}

function toPayload(row) {
  if (!row || (row.expires_at && row.expires_at <= new Date())) return undefined;
  return { ...row.payload, ...(row.consumed_at ? { consumed: true } : {}) };
}
