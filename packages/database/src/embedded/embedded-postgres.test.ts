import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { identifyProcess } from '@codex-gateways/runtime';
import { jest } from '@jest/globals';
import pg from 'pg';
import { eventually, PATIENCE_MS, stopStarted, useTemporaryFolder } from '../../test/embedded-server.ts';
import { silentLog } from '../log.ts';
import { locateBinaries } from './binaries.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { EmbeddedPostgresError, PortTakenError } from './embedded-postgres-error.ts';
import { requireFreePort } from './loopback-port.ts';
import { isPostgresOf } from './postgres-process.ts';
import { resolveServerAccount } from './server-account.ts';
import { accessDataDirectory, releaseWatcher, runToEnd, spawnServer } from './server-process.ts';

jest.setTimeout(PATIENCE_MS);

describe('embedded PostgreSQL', () => {
  const folder = useTemporaryFolder();
  let dataDirectory: string;
  let running: Promise<EmbeddedPostgres> | undefined;
  const undos: (() => unknown)[] = [];

  beforeEach(() => {
    dataDirectory = join(mkdtempSync(join(folder.path, 'state-')), 'postgres');
  });
  afterEach(async () => {
    for (const undo of undos.splice(0).reverse()) await undo();
    await stopStarted(running);
    running = undefined;
  }, PATIENCE_MS);

  function start({ port = 0, password = 'p@ss word', durable = false } = {}): Promise<EmbeddedPostgres> {
    running = startEmbeddedPostgres({ dataDirectory, port, user: 'owner', password, durable });
    return running;
  }

  async function query(url: string, text: string): Promise<object[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  it('starts on loopback and keeps its data and its databases between starts', async () => {
    const first = await start();
    await Promise.all([first.ensureDatabase('app'), first.ensureDatabase('app')]);
    await query(first.url('app'), "create table note (body text); insert into note values ('kept')");
    expect(await query(first.url('app'), 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await first.stop();
    await first.stop();
    expect(existsSync(join(dataDirectory, 'postmaster.pid'))).toBe(false);
    const second = await start({ port: first.port });
    await second.ensureDatabase('app');
    expect(await query(second.url('app'), 'select body from note')).toEqual([{ body: 'kept' }]);
  });

  it('asks for the password, and stores no password in clear', async () => {
    const { port } = await start();
    const refused = query(`postgresql://owner:wrong@127.0.0.1:${port}/postgres`, 'select 1');
    await expect(refused).rejects.toMatchObject({ code: '28P01' });
    expect(readFileSync(join(dataDirectory, 'pg_hba.conf'), 'utf8')).not.toMatch(/\btrust\s*$/m);
    expect(statSync(dataDirectory).mode & 0o077).toBe(0);
  });

  it('says what is wrong when the data was made with another password', async () => {
    await (await start()).stop();
    await expect(start({ password: 'another' })).rejects.toThrow(
      /refuses its own user: password authentication failed/,
    );
    expect(existsSync(join(dataDirectory, 'postmaster.pid'))).toBe(false);
  });

  it('recovers from the kill of the server without losing what was committed', async () => {
    const first = await start({ durable: true });
    await first.ensureDatabase('app');
    await query(first.url('app'), "create table note (body text); insert into note values ('kept')");
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const second = await start({ port: first.port, durable: true });
    expect(await query(second.url('app'), 'select body from note')).toEqual([{ body: 'kept' }]);
  });

  it('recovers when the pid in a stale pid file belongs to another program by now', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const pidFile = join(dataDirectory, 'postmaster.pid');
    const stale = readFileSync(pidFile, 'utf8').replace(String(first.pid), String(process.pid));
    writeFileSync(pidFile, stale);
    expect((await query((await start()).url('postgres'), 'select 1 as one'))[0]).toEqual({ one: 1 });
  });

  it('stops a server that a killed parent left running, and takes its place', async () => {
    await (await start()).stop();
    const account = resolveServerAccount(dataDirectory, silentLog);
    const { cwd, argument } = accessDataDirectory(dataDirectory, account);
    const port = String(await requireFreePort(0));
    const command = [locateBinaries(account).postgres, '-D', argument, '-p', port, '-c', 'unix_socket_directories='];
    const abandoned = spawnServer(command, { cwd, account });
    undos.push(() => endAbandoned(abandoned));
    await eventually(() => isPostgresOf(abandoned.pid ?? 0, cwd), 'the abandoned server runs');
    await eventually(() => existsSync(join(dataDirectory, 'postmaster.pid')), 'it has locked its directory');
    const gone = once(abandoned, 'exit');
    const { pid } = await start();
    await gone;
    expect(pid).not.toBe(abandoned.pid);
  });

  it('leaves alone a directory that a living process runs a server on', async () => {
    const owner = spawn('sleep', ['1000']);
    undos.push(() => owner.kill());
    mkdirSync(dataDirectory, { recursive: true });
    writeFileSync(`${dataDirectory}.owner`, JSON.stringify(identifyProcess(owner.pid ?? 0)));
    await expect(start()).rejects.toThrow(`${dataDirectory} is in use by process ${owner.pid}`);
  });

  it('names the port that another program has taken', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    undos.push(() => stranger.close());
    const { port } = stranger.address() as AddressInfo;
    const refused = start({ port });
    await expect(refused).rejects.toThrow(PortTakenError);
    await expect(refused).rejects.toMatchObject({ port, message: expect.stringContaining(String(port)) });
    await new Promise((resolve) => stranger.close(resolve));
    await start({ port });
  });

  it('starts over when an earlier initialisation was killed in the middle', async () => {
    mkdirSync(join(`${dataDirectory}.incomplete-killed`, 'base'), { recursive: true });
    writeFileSync(join(`${dataDirectory}.incomplete-killed`, 'PG_VERSION'), '18\n');
    await start();
    expect(existsSync(`${dataDirectory}.incomplete-killed`)).toBe(false);
  });

  it('fails with the reason when the directory is not a database of this version', async () => {
    await (await start()).stop();
    writeFileSync(join(dataDirectory, 'PG_VERSION'), '12\n');
    const refused = start();
    await expect(refused).rejects.toThrow(EmbeddedPostgresError);
    await expect(refused).rejects.toThrow(/incompatible with server/);
  });
});

describe('initdb', () => {
  it('is killed with its children when it does not end', async () => {
    const passwordFile = openSync('/dev/null', 'r');
    const options = { cwd: process.cwd(), account: undefined, passwordFile, patienceMs: 200 };
    const outcome = await runToEnd(['/bin/sh', '-c', 'sleep 1000 & wait'], options);
    closeSync(passwordFile);
    expect(outcome).toEqual({ exitCode: null, stderr: 'it was still busy after 0.2 s' });
  });
});

describe('watcher of a server', () => {
  const exitOf = (child: ChildProcess) => once(child, 'exit');
  const servers: ChildProcess[] = [];
  afterEach(() => servers.splice(0).forEach(endAbandoned));

  function startSleep(): ChildProcess {
    const server = spawnServer(['sleep', '1000'], { cwd: process.cwd(), account: undefined });
    servers.push(server);
    return server;
  }

  it('ends the server when the process that started it is gone', async () => {
    const server = startSleep();
    const exit = exitOf(server);
    const pipe = server.stdio[3];
    if (pipe && 'destroy' in pipe) pipe.destroy(); // what the kernel does when a process is killed
    expect(await exit).toEqual([null, 'SIGINT']);
  });

  it('signals nobody once it is released', async () => {
    const server = startSleep();
    const exit = exitOf(server);
    releaseWatcher(server);
    await once(server.stdio[3] as NodeJS.EventEmitter, 'close');
    server.kill('SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
  });
});

/** A child that is left keeps jest from its end, and so does the pipe to its watcher. */
function endAbandoned(server: ChildProcess): void {
  server.kill('SIGKILL');
  releaseWatcher(server);
}
