import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { jest } from '@jest/globals';
import { eventually, useEmbeddedServer } from '../test/embedded-server.ts';
import { checkDatabase, createPool } from './pool.ts';

describe('pool', () => {
  const { createDatabase } = useEmbeddedServer();

  it('survives the loss of an idle connection and says so', async () => {
    const warn = jest.fn();
    const log = { debug: () => undefined, info: () => undefined, warn, error: () => undefined };
    const databaseUrl = await createDatabase();
    const pool = createPool({ databaseUrl, applicationName: 'survivor', log });
    const other = createPool({ databaseUrl, applicationName: 'other' });
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    await other.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await eventually(() => warn.mock.calls.length > 0, 'the pool reports the broken connection');
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await Promise.all([pool.end(), other.end()]);
  });

  it('names itself to the server and ends statements that take too long', async () => {
    const pool = createPool({
      databaseUrl: await createDatabase(),
      applicationName: 'named',
      statementTimeoutMs: 1_000,
    });
    expect((await pool.query('show application_name')).rows).toEqual([{ application_name: 'named' }]);
    await expect(pool.query('select pg_sleep(600)')).rejects.toMatchObject({ code: '57014' });
    await pool.end();
  });

  it('gives up a connection on which no answer comes', async () => {
    const databaseUrl = await createDatabase();
    const pool = createPool({ databaseUrl, applicationName: 'silence', maxConnections: 1, queryTimeoutMs: 2_000 });
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    await expect(pool.query('select pg_sleep(600)')).rejects.toThrow(/Query read timeout/);
    const after = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    expect(after.rows[0]?.pid).not.toBe(rows[0]?.pid);
    await pool.end();
  });

  it('gives up waiting for a free connection', async () => {
    const databaseUrl = await createDatabase();
    const pool = createPool({ databaseUrl, applicationName: 'full', maxConnections: 1, connectionTimeoutMs: 5_000 });
    const held = await pool.connect();
    await expect(pool.query('select 1')).rejects.toThrow(/timeout/);
    held.release();
    await pool.end();
  });
});

describe('readiness check', () => {
  const { createDatabase } = useEmbeddedServer();
  let silent: Server | undefined;
  afterEach(() => void silent?.close());

  it('passes on a database that answers', async () => {
    const pool = createPool({ databaseUrl: await createDatabase(), applicationName: 'ready' });
    await expect(checkDatabase(pool, 60_000)).resolves.toBeUndefined();
    await pool.end();
  });

  it('fails with the reason when nothing listens', async () => {
    const pool = createPool({ databaseUrl: 'postgresql://x:x@127.0.0.1:1/x', applicationName: 'refused' });
    await expect(checkDatabase(pool, 60_000)).rejects.toThrow(/ECONNREFUSED/);
    await pool.end();
  });

  it('fails in time when the server is silent', async () => {
    silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const pool = createPool({
      databaseUrl: `postgresql://x:x@127.0.0.1:${port}/x`,
      applicationName: 'silent',
      connectionTimeoutMs: 1_000,
    });
    await expect(checkDatabase(pool, 100)).rejects.toThrow('did not answer within 100 ms');
    await pool.end();
  });
});
