import { createPool } from '@codex-gateways/database';
import { isAlive } from '../processes/is-alive.ts';
import { waitFor } from '../waiting/wait-for.ts';
import { startTestPostgres, type TestPostgres } from './test-postgres.ts';
import { createTestDatabase, useTestDatabase } from './use-test-database.ts';

const query = async (databaseUrl: string, sql: string): Promise<unknown[]> => {
  const pool = createPool({ databaseUrl, applicationName: 'test' });
  try {
    return (await pool.query(sql)).rows;
  } finally {
    await pool.end();
  }
};

describe('the database of a test file', () => {
  const database = useTestDatabase();
  const otherDatabase = useTestDatabase();

  it('is a real PostgreSQL, empty and able to do everything', async () => {
    await query(
      database.url,
      'create schema mine; create table mine.thing (id int); insert into mine.thing values (7)',
    );
    expect(await query(database.url, 'select id from mine.thing')).toEqual([{ id: 7 }]);
  });

  it('shares a server, and nothing else, with another database of the file', async () => {
    expect(new URL(otherDatabase.url).port).toBe(new URL(database.url).port);
    await expect(query(otherDatabase.url, 'select id from mine.thing')).rejects.toThrow('does not exist');
  });

  it('can be dropped in the middle of its use', async () => {
    const short = await createTestDatabase();
    const pool = createPool({ databaseUrl: short.url, applicationName: 'test' });
    const busy = expect(pool.query('select pg_sleep(60)')).rejects.toThrow(/terminat/);
    const sleeping = "select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and wait_event = 'PgSleep'";
    await waitFor(async () => (await query(database.url, sleeping)).length > 0, {
      timeoutMs: 60_000,
      describe: 'the query to run',
    });
    await short.drop();
    await short.drop();
    await busy;
    await pool.end();
    expect(await query(database.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('the server of a test file', () => {
  it('starts with the first database and stops with the last', async () => {
    const first = await createTestDatabase();
    await first.drop();
    await expect(query(first.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    const second = await createTestDatabase();
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.drop();
  });
});

describe('two servers', () => {
  let servers: TestPostgres[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  it('run beside each other and end when they are stopped', async () => {
    servers = await Promise.all([startTestPostgres(), startTestPostgres()]);
    const urls = await Promise.all(servers.map(async (server) => (await server.createDatabase()).url));
    expect(new URL(urls[0] ?? '').port).not.toBe(new URL(urls[1] ?? '').port);
    await Promise.all(servers.map((server) => server.stop()));
    expect(servers.map(({ pid }) => isAlive(pid))).toEqual([false, false]);
  });
});
