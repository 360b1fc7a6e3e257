import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess, isSameProcessAlive } from './process-identity.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('the identity of a process', () => {
  it('is that of a process as long as it runs', async () => {
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    children.push(child);
    await once(child, 'spawn');
    const identity = identifyProcess(child.pid ?? 0);
    expect(identity).toEqual({ pid: child.pid, startedAt: expect.stringMatching(/./) });
    if (!identity) throw new Error('it was not identified');
    expect(isSameProcessAlive(identity)).toBe(true);
    expect(isSameProcessAlive({ ...identity, startedAt: 'at another time' })).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isSameProcessAlive(identity)).toBe(false);
  });
  it('is no more once it is a zombie', async () => {
    // The shell is no more when its child ends, and the sleep in its place never asks for it. A child that ended earlier may be asked for.
    const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(parent);
    const [pid] = await once(parent.stdout, 'data');
    const deadline = performance.now() + 5000;
    while (identifyProcess(Number(pid)) && performance.now() < deadline) await delay(10);
    expect(identifyProcess(Number(pid))).toBeUndefined();
    expect(() => process.kill(Number(pid), 0)).not.toThrow();
  });
});
