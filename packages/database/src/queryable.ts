import type pg from 'pg';

export type { Pool, PoolClient } from 'pg';

/** Where a statement can be sent: a pool, or the client of a transaction. Stores ask for nothing more. */
export interface Queryable {
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(config: pg.QueryConfig): Promise<pg.QueryResult<R>>;
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<R>>;
}
