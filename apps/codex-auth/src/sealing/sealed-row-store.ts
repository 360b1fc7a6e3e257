import type { Queryable } from '@codex-gateways/database';
import { sealContextOf } from '../signing-keys/key-sealing.ts';
import { secretContextOf } from '../signing-keys/sealed-secrets.ts';
import { upstreamTokensContextOf } from '../upstream/upstream-token-sealing.ts';
import { dcrContextOf } from '../upstream-registration/sealed-dcr-credentials.ts';

/** A sealed value with the primary key of its row. */
export interface SealedRow {
  readonly key: string;
  readonly sealed: Buffer;
}

/** One column that holds sealed values. */
export interface SealedColumn {
  /** For the log, and for whoever has to find out why a value does not open. */
  readonly name: string;
  /** The context that a value is sealed for, of its row's key. */
  contextOf(key: string): string;
  /** Values sealed under another key than the one with this id, in the order of their rows, from after one row on. */
  listStale(
    db: Queryable,
    page: { currentKeyId: Buffer; afterKey: string; limit: number },
  ): Promise<readonly SealedRow[]>;
  /** Writes the new seal if the value is still the one that was read. */
  replace(db: Queryable, change: { key: string; from: Buffer; to: Buffer }): Promise<void>;
}

/** The sealed columns of this service. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  sealedColumn({
    name: 'the signing keys',
    contextOf: sealContextOf,
    table: 'codex_auth.codex_jwks_keys',
    key: 'kid',
    column: 'private_pkcs8_sealed',
  }),
  sealedColumn({
    name: 'the secrets of the installation',
    contextOf: secretContextOf,
    table: 'codex_auth.sealed_secrets',
    key: 'name',
    column: 'sealed',
  }),
  sealedColumn({
    name: 'the tokens of identity providers',
    contextOf: upstreamTokensContextOf,
    table: 'codex_auth.upstream_tokens',
    key: 'id',
    column: 'tokens_sealed',
  }),
  sealedColumn({
    name: 'the registrations at upstreams',
    contextOf: dcrContextOf,
    table: 'codex_auth.dcr_credentials',
    key: 'id',
    column: 'sealed',
  }),
];

/** @param column - with `table` and `key` a name of the schema, none of them from outside */
function sealedColumn({
  name,
  contextOf,
  table,
  key,
  column,
}: Pick<SealedColumn, 'name' | 'contextOf'> & { table: string; key: string; column: string }): SealedColumn {
  return {
    name,
    contextOf,
    async listStale(db, { currentKeyId, afterKey, limit }) {
      const { rows } = await db.query<SealedRow>(
        `select ${key}::text as key, ${column} as sealed
           from ${table}
          where substring(${column} from 2 for 4) <> $1
            and ${key}::text > $2
          order by ${key}::text
          limit $3`,
        [currentKeyId, afterKey, limit],
      );
      return rows;
    },
    async replace(db, { key: of, from, to }) {
      await db.query(`update ${table} set ${column} = $3 where ${key} = $1 and ${column} = $2`, [of, from, to]);
    },
  };
}
