import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
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
    // The child ends with our pipe. By then the shell is no more, and the program in its place never asks for the child.
    const script = 'exec 3<&0; cat <&3 & echo $!; exec "$0" -e "console.log(0); setInterval(() => {}, 1000)"';
    const parent = spawn('sh', ['-c', script, process.execPath], { stdio: ['pipe', 'pipe', 'ignore'] });
    children.push(parent);
    const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    await lines.next(); // of the program
    expect(identifyProcess(pid)).toMatchObject({ pid });
    parent.stdin.end();
    const deadline = performance.now() + 60_000;
    while (identifyProcess(pid) && performance.now() < deadline) await delay(10);
    expect(identifyProcess(pid)).toBeUndefined();
    expect(() => process.kill(pid, 0)).not.toThrow();
  });
});
