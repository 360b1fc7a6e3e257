import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@codex-gateways/testing';
import { runModule, startModule } from '../../test/node-process.ts';
import { useTemporaryFolder } from '../../test/temporary-folder.ts';
import { withFileLock } from './file-lock.ts';
import { ownIdentity } from './process-identity.ts';

const PATIENT = { timeoutMs: 20_000, leaseMs: 60_000 };
const BRIEF = { timeoutMs: 0, leaseMs: 60_000 };

const folder = useTemporaryFolder();
let locks = 0;
/** A lock that no other test uses, in a folder of its own. */
function newLock(): string {
  locks += 1;
  const path = join(folder.path, String(locks));
  mkdirSync(path);
  return join(path, 'a.lock');
}

/** Adds one to a number in a file, in the way that loses updates unless callers take turns. */
const COUNT_UP = `
  import { readFileSync, writeFileSync } from 'node:fs';
  import { setTimeout as delay } from 'node:timers/promises';
  import { withFileLock } from 'DIST/locking/file-lock.js';
  for (let turn = 0; turn < 5; turn += 1) {
    await withFileLock(process.env.LOCK, { timeoutMs: 60000, leaseMs: 60000 }, async () => {
      const count = Number(readFileSync(process.env.COUNT, 'utf8'));
      await delay(2);
      writeFileSync(process.env.COUNT, String(count + 1));
    });
  }`;

const HOLD = `
  import { withFileLock } from 'DIST/locking/file-lock.js';
  await withFileLock(process.env.LOCK, { timeoutMs: 60000, leaseMs: 60000 }, () => new Promise(() => {
    process.stdout.write('held\\n');
    setInterval(() => undefined, 1000);
  }));`;

describe('a lock between processes', () => {
  it('lets one caller of a process in at a time, and gives back what the work returns', async () => {
    const path = newLock();
    let inside = 0;
    const seen = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        withFileLock(path, PATIENT, async () => {
          inside += 1;
          const together = inside;
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          return { index, together };
        }),
      ),
    );
    expect(seen.map(({ together }) => together)).toEqual(Array(10).fill(1));
    expect(seen.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is free again after work that failed', async () => {
    const path = newLock();
    await expect(withFileLock(path, PATIENT, () => Promise.reject(new Error('failed work')))).rejects.toThrow(
      'failed work',
    );
    await expect(withFileLock(path, BRIEF, async () => 'in')).resolves.toBe('in');
  });

  it('loses no update of eight processes that take five turns each', async () => {
    const lock = newLock();
    const count = `${lock}-count`;
    writeFileSync(count, '0');
    const exits = await Promise.all(Array.from({ length: 8 }, () => runModule(COUNT_UP, { LOCK: lock, COUNT: count })));
    expect(exits.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(8).fill({ code: 0, stderr: '' }));
    expect(readFileSync(count, 'utf8')).toBe('40');
  });

  it('names the process that keeps it when the wait is over', async () => {
    const lock = newLock();
    const holder = startModule(HOLD, { LOCK: lock });
    await holder.waitForOutput(/held/, 60_000);
    await expect(withFileLock(lock, BRIEF, async () => 'in')).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${holder.pid} has kept the lock`),
    });
    await holder.stop();
  });

  it('passes from a killed process to exactly one of many that wait', async () => {
    const lock = newLock();
    const count = `${lock}-count`;
    writeFileSync(count, '0');
    const holder = startModule(HOLD, { LOCK: lock });
    await holder.waitForOutput(/held/, 60_000);
    const waiting = Array.from({ length: 6 }, () => runModule(COUNT_UP, { LOCK: lock, COUNT: count }));
    holder.signal('SIGKILL');
    await holder.exited;
    expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(Array(6).fill(0));
    expect(readFileSync(count, 'utf8')).toBe('30');
  });

  it('leaves one small file behind, however often it is taken', async () => {
    const path = newLock();
    for (let turn = 0; turn < 5; turn += 1) await withFileLock(path, PATIENT, async () => undefined);
    await waitFor(() => readdirSync(join(path, '..')).length === 1, { timeoutMs: 60_000, describe: 'one file' });
  });
});

describe('a lock whose holder cannot be known', () => {
  const elsewhere = JSON.stringify({ pid: 1, place: 'another machine', startedAt: '1' });

  it.each([
    ['of another machine', elsewhere],
    ['of a file that was half written', '{"pid":'],
    ['of an empty file', ''],
  ])('counts as held before the lease is over, and as free after it: %s', async (_, content) => {
    const path = newLock();
    writeFileSync(`${path}.7`, content);
    await expect(withFileLock(path, BRIEF, async () => 'in')).rejects.toMatchObject({ code: 'locked' });
    const twoMinutesAgo = Date.now() / 1000 - 120;
    utimesSync(`${path}.7`, twoMinutesAgo, twoMinutesAgo);
    await expect(withFileLock(path, BRIEF, async () => 'in')).resolves.toBe('in');
  });

  it('is free at once when the pid was reused by another process', async () => {
    const path = newLock();
    writeFileSync(`${path}.1`, JSON.stringify({ ...(await ownIdentity()), startedAt: 'before' }));
    await expect(withFileLock(path, BRIEF, async () => 'in')).resolves.toBe('in');
  });
});
