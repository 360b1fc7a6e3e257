import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive, type RunningProcess, startProcess, useCleanup, waitFor } from '../src/index.ts';

describe('when jest ends', () => {
  const cleanup = useCleanup();
  const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin', 'jest.js');
  let pidsFile: string;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leaving-jest-'));
    cleanup.after(() => rm(folder, { recursive: true }));
    pidsFile = join(folder, 'pids');
  });
  afterEach(() => rm(pidsFile, { force: true }));

  const startJest = (env: Record<string, string> = {}): RunningProcess => {
    const args = ['--experimental-vm-modules', '--no-warnings', jest, '--testMatch', '**/leaving-processes.fixture.ts'];
    return startProcess(process.execPath, args, { env: { ...process.env, ...env, PIDS_FILE: pidsFile } });
  };
  const pids = () => waitFor(() => existsSync(pidsFile) && readPids(), { timeoutMs: 20_000, describe: 'the pids' });
  const readPids = () => JSON.parse(readFileSync(pidsFile, 'utf8') || 'null') as number[] | null;
  const expectGone = (started: number[]) =>
    waitFor(() => !started.some(isAlive), { timeoutMs: 5_000, describe: `${started} to be gone` });

  it('kills what a failed test left running, and is not kept from exiting by it', async () => {
    const exit = await startJest().exited;
    expect(exit.stderr).toContain('a failing test');
    expect(exit.code).toBe(1);
    await expectGone(await pids());
  });

  it('kills what was running when it was killed itself', async () => {
    const running = startJest({ NEVER_END: '1' });
    const started = await pids();
    process.kill(running.pid, 'SIGKILL');
    await expectGone(started);
  });
});
