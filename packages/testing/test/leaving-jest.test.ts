import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunningProcess, startProcess, useCleanup, waitFor } from '../src/index.ts';

interface Started {
  databaseUrl: string;
  home: string;
}

describe('when jest ends, nothing that its tests started is left', () => {
  const cleanup = useCleanup();
  const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin', 'jest.js');
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'leaving-jest-'));
    const created = folder;
    cleanup.after(() => rm(created, { recursive: true, maxRetries: 5 }));
  });

  const startJest = (env: Record<string, string> = {}): RunningProcess => {
    const args = ['--experimental-vm-modules', '--no-warnings', jest, '--testMatch', '**/leaving.fixture.ts'];
    const mine = { TMPDIR: folder, STARTED_FILE: join(folder, 'started'), LEAVING_MARK: folder };
    return startProcess(process.execPath, args, { env: { ...process.env, ...mine, ...env } });
  };

  const whatWasStarted = async (): Promise<Started> => {
    const content = () => readFile(join(folder, 'started'), 'utf8').catch(() => undefined);
    const json = await waitFor(content, { timeoutMs: 60_000, describe: 'the fixture to have started everything' });
    return JSON.parse(json) as Started;
  };

  const expectNothingLeft = async (started: Started) => {
    const isLeft = async (): Promise<string | false> => {
      const marked = await processesMarked(`LEAVING_MARK=${folder}`);
      if (marked.length > 0) return `processes ${marked.join(' ')}`;
      if (await acceptsConnections(started.databaseUrl)) return 'the database server';
      if (existsSync(started.home)) return 'the home of the CLI';
      return (await readdir(folder)).find((name) => name.startsWith('codex-gateways')) ?? false;
    };
    let left: string | false = false;
    const isClean = async () => {
      left = await isLeft();
      return !left;
    };
    await waitFor(isClean, { timeoutMs: 60_000, describe: () => `${left} to be gone`, intervalMs: 100 });
  };

  it('after a failed test', async () => {
    const exit = await startJest().exited;
    expect(exit.stderr).toContain('a failing test');
    expect(exit.code).toBe(1);
    await expectNothingLeft(await whatWasStarted());
  });

  it('after it was killed', async () => {
    const running = startJest({ NEVER_END: '1' });
    const started = await whatWasStarted();
    expect(await acceptsConnections(started.databaseUrl)).toBe(true);
    expect(await processesMarked(`LEAVING_MARK=${folder}`)).toContain(String(running.pid));
    process.kill(running.pid, 'SIGKILL');
    await expectNothingLeft(started);
  });
});

/** Process ids (on Linux) that have this in their environment: those started below a marked one, unless it was cleared. */
async function processesMarked(mark: string): Promise<string[]> {
  const pids = existsSync('/proc') ? (await readdir('/proc')).filter((name) => /^\d+$/.test(name)) : [];
  const isMarked = async (pid: string) =>
    (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).includes(mark);
  const marked = await Promise.all(pids.map(async (pid) => ((await isMarked(pid)) ? pid : [])));
  return marked.flat();
}

function acceptsConnections(databaseUrl: string): Promise<boolean> {
  const { port, hostname } = new URL(databaseUrl);
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
