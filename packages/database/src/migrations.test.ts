import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { useEmbeddedServer, useTemporaryFolder } from '../test/embedded-server.ts';
import { DatabaseConnectError } from './connect-error.ts';
import { MigrationHistoryError, runMigrations } from './migrations.ts';
import { createPool } from './pool.ts';
import { isDatabaseUnavailable } from './unavailable.ts';

describe('migrations', () => {
  const { createDatabase } = useEmbeddedServer();
  const folder = useTemporaryFolder();

  function stepsFolder(steps: Record<string, string>): string {
    const directory = mkdtempSync(join(folder.path, 'steps-'));
    for (const [name, sql] of Object.entries(steps)) writeFileSync(join(directory, name), sql);
    return directory;
  }

  async function query(databaseUrl: string, text: string): Promise<object[]> {
    const pool = createPool({ databaseUrl, applicationName: 'reader' });
    const { rows } = await pool.query(text);
    await pool.end();
    return rows;
  }

  it('runs every step once when eight replicas start on an empty database together', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({
      '0001-journal.sql': 'create table journal (step integer not null); insert into journal values (1);',
      '0002-second.sql': 'insert into journal values (2);',
      '0003-third.sql': 'insert into journal values (3);',
    });
    const run = () => runMigrations({ databaseUrl, schema: 'many', directory });
    const applied = await Promise.all(Array.from({ length: 8 }, run));
    expect(applied.flat()).toEqual(['0001-journal', '0002-second', '0003-third']);
    expect(await query(databaseUrl, 'select step from many.journal')).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
  });

  it('lets two schemas of one database migrate independently', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-thing.sql': 'create table thing (id integer);' });
    const run = (schema: string) => runMigrations({ databaseUrl, schema, directory });
    expect(await Promise.all([run('one'), run('two')])).toEqual([['0001-thing'], ['0001-thing']]);
    expect(await query(databaseUrl, 'select from one.thing union all select from two.thing')).toEqual([]);
  });

  it('applies only what was added since the last start', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-a.sql': 'create table a (id integer);' });
    expect(await runMigrations({ databaseUrl, schema: 's', directory })).toEqual(['0001-a']);
    writeFileSync(join(directory, '0002-b.sql'), 'create table b (id integer);');
    expect(await runMigrations({ databaseUrl, schema: 's', directory })).toEqual(['0002-b']);
    expect(await runMigrations({ databaseUrl, schema: 's', directory })).toEqual([]);
  });

  it('leaves nothing behind of steps that fail, so that the next start can try again', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-a.sql': 'create table a (id integer);', '0002-b.sql': 'create tabel b;' });
    await expect(runMigrations({ databaseUrl, schema: 's', directory })).rejects.toThrow(/syntax error/);
    writeFileSync(join(directory, '0002-b.sql'), 'create table b (id integer);');
    expect(await runMigrations({ databaseUrl, schema: 's', directory })).toEqual(['0001-a', '0002-b']);
  });

  it('refuses a database that a newer version has migrated', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-a.sql': 'select 1;', '0002-b.sql': 'select 1;' });
    await runMigrations({ databaseUrl, schema: 's', directory });
    rmSync(join(directory, '0002-b.sql'));
    const run = runMigrations({ databaseUrl, schema: 's', directory });
    await expect(run).rejects.toThrow(MigrationHistoryError);
    await expect(run).rejects.toThrow('the applied step 0002-b is unknown');
  });

  it('refuses a step that was slipped in before an applied one', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-a.sql': 'select 1;', '0003-c.sql': 'select 1;' });
    await runMigrations({ databaseUrl, schema: 's', directory });
    writeFileSync(join(directory, '0002-b.sql'), 'select 1;');
    const run = runMigrations({ databaseUrl, schema: 's', directory });
    await expect(run).rejects.toThrow('0003-c was applied as step 2, where 0002-b stands now');
  });

  it('gives up a server that takes the connection and says nothing', async () => {
    const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const databaseUrl = `postgresql://x:x@127.0.0.1:${(silent.address() as AddressInfo).port}/x`;
    const directory = stepsFolder({ '0001-a.sql': 'select 1;' });
    const failure = await runMigrations({ databaseUrl, schema: 's', directory, connectionTimeoutMs: 200 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      message: expect.stringMatching(/^cannot use .* it did not answer within 200 ms$/),
    });
    expect(isDatabaseUnavailable(failure)).toBe(true);
    const closed = once(silent, 'close');
    silent.close();
    await closed; // no connection is left behind
  });

  it.each([
    [
      'refuses connections',
      'postgresql://me:secret@127.0.0.1:1/auth',
      'auth at 127.0.0.1:1: connect ECONNREFUSED',
      true,
    ],
    [
      'has no such name',
      'postgresql://me:secret@nowhere.invalid/auth',
      'auth at nowhere.invalid:5432: getaddrinfo',
      true,
    ],
    ['does not exist', undefined, ': database "nope" does not exist', false],
  ])('says which database %s, and why, and no password', async (_what, url, why, isAway) => {
    const there = new URL(await createDatabase());
    there.pathname = '/nope';
    const directory = stepsFolder({ '0001-a.sql': 'select 1;' });
    const failure = await runMigrations({ databaseUrl: url ?? there.href, schema: 's', directory }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(DatabaseConnectError);
    expect(String(failure)).toContain(why);
    expect(String(failure)).not.toContain('secret');
    expect(isDatabaseUnavailable(failure)).toBe(isAway);
  });

  it('refuses a folder whose order would be ambiguous', async () => {
    const databaseUrl = await createDatabase();
    const directory = stepsFolder({ '0001-a.sql': 'select 1;', '0001-b.sql': 'select 1;' });
    await expect(runMigrations({ databaseUrl, schema: 's', directory })).rejects.toThrow('two steps');
    renameSync(join(directory, '0001-b.sql'), join(directory, '2-b.sql'));
    await expect(runMigrations({ databaseUrl, schema: 's', directory })).rejects.toThrow('2-b.sql');
  });
});
