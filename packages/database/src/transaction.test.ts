import { useEmbeddedServer } from '../test/embedded-server.ts';
import { createPool } from './pool.ts';
import type { Pool } from './queryable.ts';
import { transaction } from './transaction.ts';

describe('transaction', () => {
  const { createDatabase } = useEmbeddedServer();
  let pool: Pool;

  beforeEach(async () => {
    const databaseUrl = await createDatabase();
    pool = createPool({ databaseUrl, applicationName: 'transactions', maxConnections: 2 });
    await pool.query('create table entry (name text primary key)');
  });
  afterEach(() => pool.end());

  const names = async () => (await pool.query<{ name: string }>('select name from entry')).rows.map(({ name }) => name);

  it('keeps what was written and returns what the work returned', async () => {
    const answer = await transaction(pool, async (tx) => {
      await tx.query("insert into entry values ('kept')");
      return 42;
    });
    expect(answer).toBe(42);
    expect(await names()).toEqual(['kept']);
  });

  it('undoes everything when the work throws, and passes the error on', async () => {
    const failure = new Error('no');
    const work = transaction(pool, async (tx) => {
      await tx.query("insert into entry values ('undone')");
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await names()).toEqual([]);
  });

  it('does not report success when a failed statement was caught inside', async () => {
    const work = transaction(pool, async (tx) => {
      await tx.query("insert into entry values ('lost')");
      await tx.query('select nonsense').catch(() => undefined);
    });
    await expect(work).rejects.toThrow('rolled back');
    expect(await names()).toEqual([]);
  });

  it('runs at the isolation that was asked for', async () => {
    const read = (tx: { query: Pool['query'] }) => tx.query('show transaction_isolation');
    const { rows } = await transaction(pool, read, { isolation: 'serializable' });
    expect(rows).toEqual([{ transaction_isolation: 'serializable' }]);
  });

  it('gives every connection back, also after failures', async () => {
    for (let round = 0; round < 6; round += 1) {
      await transaction(pool, () => Promise.reject(new Error('again'))).catch(() => undefined);
    }
    expect({ total: pool.totalCount, idle: pool.idleCount }).toEqual({ total: 1, idle: 1 });
  });

  it('closes a connection that broke in the middle', async () => {
    const work = transaction(pool, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      const gone = new Promise((resolve) => tx.once('end', resolve));
      await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await gone;
      await tx.query('select 1');
    });
    await expect(work).rejects.toThrow();
    expect(pool.totalCount).toBe(1); // the one that terminated the other
    expect(await names()).toEqual([]);
  });
});
