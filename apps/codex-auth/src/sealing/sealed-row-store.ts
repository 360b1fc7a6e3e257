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
  {
    name: 'the signing keys',
    contextOf: sealContextOf,
    async listStale(db, { currentKeyId, afterKey, limit }) {
      const { rows } = await db.query<SealedRow>(
        `select kid as key, private_pkcs8_sealed as sealed
           from codex_auth.codex_jwks_keys
          where substring(private_pkcs8_sealed from 2 for 4) <> $1
            and kid > $2
          order by kid
          limit $3`,
        [currentKeyId, afterKey, limit],
      );
      return rows;
    },
    async replace(db, { key, from, to }) {
      await db.query(
        `update codex_auth.codex_jwks_keys
            set private_pkcs8_sealed = $3
          where kid = $1
            and private_pkcs8_sealed = $2`,
        [key, from, to],
      );
    },
  },
  {
    name: 'the secrets of the installation',
    contextOf: secretContextOf,
    async listStale(db, { currentKeyId, afterKey, limit }) {
      const { rows } = await db.query<SealedRow>(
        `select name as key, sealed
           from codex_auth.sealed_secrets
          where substring(sealed from 2 for 4) <> $1
            and name > $2
          order by name
          limit $3`,
        [currentKeyId, afterKey, limit],
      );
      return rows;
    },
    async replace(db, { key, from, to }) {
      await db.query('update codex_auth.sealed_secrets set sealed = $3 where name = $1 and sealed = $2', [
        key,
        from,
        to,
      ]);
    },
  },
  {
    name: 'the tokens of identity providers',
    contextOf: upstreamTokensContextOf,
    async listStale(db, { currentKeyId, afterKey, limit }) {
      const { rows } = await db.query<SealedRow>(
        `select id::text as key, tokens_sealed as sealed
           from codex_auth.upstream_tokens
          where substring(tokens_sealed from 2 for 4) <> $1
            and id::text > $2
          order by id::text
          limit $3`,
        [currentKeyId, afterKey, limit],
      );
      return rows;
    },
    async replace(db, { key, from, to }) {
      await db.query(
        `update codex_auth.upstream_tokens
            set tokens_sealed = $3
          where id = $1
            and tokens_sealed = $2`,
        [key, from, to],
      );
    },
  },
  {
    name: 'the registrations at upstreams',
    contextOf: dcrContextOf,
    async listStale(db, { currentKeyId, afterKey, limit }) {
      const { rows } = await db.query<SealedRow>(
        `select id as key, sealed
           from codex_auth.dcr_credentials
          where substring(sealed from 2 for 4) <> $1
            and id > $2
          order by id
          limit $3`,
        [currentKeyId, afterKey, limit],
      );
      return rows;
    },
    async replace(db, { key, from, to }) {
      await db.query('update codex_auth.dcr_credentials set sealed = $3 where id = $1 and sealed = $2', [
        key,
        from,
        to,
      ]);
    },
  },
];
