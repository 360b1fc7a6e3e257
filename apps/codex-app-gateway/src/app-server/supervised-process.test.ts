import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isAlive, useCleanup, waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { runSource } from '../../test/run-source.ts';
import { SupervisedProcess } from './supervised-process.ts';

describe('a supervised process', () => {
  const cleanup = useCleanup();

  function start(
    script: string,
    { env = {}, graceMs = 1000 }: { env?: Record<string, string>; graceMs?: number } = {},
  ) {
    const child = new SupervisedProcess({
      program: '/bin/sh',
      args: ['-c', script],
      env: { PATH: '/usr/bin:/bin', ...env },
      workFolder: '/',
      graceMs,
    });
    cleanup.after(() => child.stop());
    return child;
  }

  /** Waits for a line that the process writes. */
  function line(child: SupervisedProcess, pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      child.onLine((text) => {
        const match = pattern.exec(text);
        if (match) resolve(match);
      });
      void child.ended.then((how) => reject(new Error(`it ${how}; it wrote: ${child.lastLines.join(' | ')}`)));
    });
  }

  it('has the environment that it was given and no other, and leaves no core dump', async () => {
    const child = start('env >&2; ulimit -c >&2; umask >&2; pwd >&2', { env: { GIVEN: 'yes' } });
    expect(await child.ended).toBe('ended with exit code 0');
    const lines = child.lastLines.filter((text) => !/^(_|SHLVL|OLDPWD)=/.test(text));
    expect([...lines].sort()).toEqual(['/', '0', '0077', 'GIVEN=yes', 'PATH=/usr/bin:/bin', 'PWD=/']);
  });

  it('has no file or socket of ours open, and nothing to read from', async () => {
    const file = await open(fileURLToPath(import.meta.url));
    const server = createServer().listen(0, '127.0.0.1');
    cleanup.after(() => file.close());
    cleanup.after(() => server.close());
    await once(server, 'listening');
    const child = start('ls -l /proc/$$/fd >&2; cat >&2; echo end >&2');
    await child.ended;
    const targets = child.lastLines.flatMap((text) => / (\d+) -> (.*)$/.exec(text)?.slice(1).join(' ') ?? []);
    expect(targets).toContain('0 /dev/null');
    expect(targets.filter((target) => target.includes('.test.ts'))).toEqual([]);
    // Standard error, and what the shell makes of it while it redirects.
    const sockets = new Set(targets.flatMap((target) => / (socket:.*)/.exec(target)?.[1] ?? []));
    expect(sockets.size).toBe(1);
    expect(child.lastLines.at(-1)).toBe('end');
  });

  it('tells how it ended', async () => {
    expect(await start('exit 7').ended).toBe('ended with exit code 7');
    expect(await start('kill -s KILL $$').ended).toBe('ended by signal 9');
    const absent = new SupervisedProcess({ program: '/no/such', args: [], env: {}, workFolder: '/', graceMs: 1000 });
    expect(await absent.ended).toBe('ended with exit code 127');
    const nowhere = new SupervisedProcess({
      program: '/bin/sh',
      args: [],
      env: {},
      workFolder: '/no/such',
      graceMs: 1,
    });
    expect(await nowhere.ended).toMatch(/^could not be started: .*ENOENT/);
    expect(nowhere.groupId).toBeUndefined();
    await nowhere.stop();
  });

  it('keeps its last lines, without colours, and does not grow with what is written', async () => {
    const child = start(`i=0; while [ $i -lt 50 ]; do echo "line $i" >&2; i=$((i+1)); done
      printf '\\033[31mred\\033[0m\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2`);
    await child.ended;
    await waitFor(() => child.lastLines.at(-1)?.startsWith('xxx'), {
      timeoutMs: PATIENCE_MS,
      describe: 'the long line',
    });
    expect(child.lastLines).toHaveLength(20);
    expect(child.lastLines.at(-1)).toHaveLength(500);
    expect(child.lastLines.at(-2)).toBe('red');
    expect(child.lastLines[0]).toBe('line 32');
  });

  it('is asked to end first', async () => {
    const script = 'trap "echo asked >&2; exit 3" TERM; echo ready >&2; while :; do sleep 0.05; done';
    const child = start(script, { graceMs: PATIENCE_MS });
    await line(child, /ready/);
    await child.stop();
    expect(await child.ended).toBe('ended with exit code 3');
    expect(child.lastLines).toContain('asked');
  });

  it('is killed with everything it started, when it does not listen', async () => {
    const child = start('trap "" TERM; sleep 1000 & echo "sleeper $!" >&2; while :; do sleep 0.05; done');
    const [, sleeper] = await line(child, /sleeper (\d+)/);
    expect(isAlive(Number(sleeper))).toBe(true);
    await child.stop();
    expect(await child.ended).toMatch(/SIGKILL|signal 9/);
    await waitFor(() => !isAlive(Number(sleeper)), { timeoutMs: PATIENCE_MS, describe: 'the sleeper to end' });
  });

  it('takes what it left running with it when it ends by itself', async () => {
    const child = start('sleep 1000 & echo "sleeper $!" >&2');
    const [, sleeper] = await line(child, /sleeper (\d+)/);
    await child.ended;
    await waitFor(() => !isAlive(Number(sleeper)), { timeoutMs: PATIENCE_MS, describe: 'the sleeper to end' });
  });

  it('does not outlive whoever holds it, killed without a chance to do anything', async () => {
    const holder = runSource('test/holder.fixture.ts');
    const [text] = await holder.waitForOutput(/\{"groupId".*\}/, PATIENCE_MS);
    const { groupId, programId } = JSON.parse(text) as { groupId: number; programId: number };
    expect([isAlive(groupId), isAlive(programId)]).toEqual([true, true]);
    process.kill(holder.pid, 'SIGKILL');
    await waitFor(() => !isAlive(programId) && !isAlive(groupId), { timeoutMs: PATIENCE_MS, describe: 'both to end' });
  });
});
