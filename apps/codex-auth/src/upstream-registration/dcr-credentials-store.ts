import type { Queryable } from '@codex-gateways/database';
import type { SealedEntries } from './sealed-dcr-credentials.ts';

/** The table `dcr_credentials`: durable, and shared by all replicas. */
export function postgresDcrEntries(db: Queryable): SealedEntries {
  return {
    async find(id) {
      const found = await db.query<{ sealed: Buffer }>({
        name: 'find-dcr-credentials',
        text: 'select sealed from codex_auth.dcr_credentials where id = $1',
        values: [id],
      });
      return found.rows[0]?.sealed;
    },
    async save(id, { key, sealed }) {
      await db.query(
        `insert into codex_auth.dcr_credentials (id, issuer, redirect_uri, scopes_hash, upstream, sealed)
         values ($1, $2, $3, $4, $5, $6)
             on conflict (id) do update
            set sealed = excluded.sealed,
                updated_at = now()`,
        [id, key.issuer, key.redirectUri, key.scopesHash, key.upstream, sealed],
      );
    },
  };
}
