import { waitFor } from '../waiting/wait-for.ts';
import { isAlive } from './is-alive.ts';
import { startProcess } from './running-process.ts';

const env = { PATH: process.env.PATH };
const sh = (script: string, input?: string) => startProcess('/bin/sh', ['-c', script], { env, input });

describe('startProcess', () => {
  it('gives the exit code and what was written, each stream apart', async () => {
    const running = sh('echo out; echo err >&2; exit 3');
    await expect(running.exited).resolves.toEqual({ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
  });

  it('passes the input and inherits no environment', async () => {
    const { stdout } = await sh('cat; env', 'typed\n').exited;
    expect(stdout).toMatch(/^typed\n/);
    expect(stdout).not.toContain('HOME=');
  });

  it('finds output that is already there and output that is still to come', async () => {
    const running = sh('echo ready 42; read -r line; exec sleep 60', '\n');
    const match = await running.waitForOutput(/ready (\d+)/, 60_000);
    expect(match[1]).toBe('42');
    expect(running.stdoutLines).toEqual(['ready 42']);
    await expect(running.waitForOutput(/^ready/g, 60_000)).resolves.toBeDefined();
    await running.stop();
  });

  it('says what came instead of the awaited output', async () => {
    const running = sh('echo something else');
    await expect(running.waitForOutput(/ready/, 60_000)).rejects.toThrow(/the process ended .*\n.*something else/);
    const sleeping = sh('echo not yet; exec sleep 60');
    await sleeping.waitForOutput(/not yet/, 60_000);
    await expect(sleeping.waitForOutput(/ready/, 10)).rejects.toThrow(/10 ms passed .*\n.*not yet/);
    await sleeping.stop();
  });

  it('stops the children of the process too', async () => {
    const running = sh('sleep 60 & echo child $!; wait');
    const [, child] = await running.waitForOutput(/child (\d+)/, 60_000);
    const exit = await running.stop();
    expect(exit.signal).toBe('SIGTERM');
    await waitFor(() => !isAlive(Number(child)), { timeoutMs: 60_000, describe: 'the child to be gone' });
  });

  it('stops a process that stands still', async () => {
    const running = sh('echo still; exec sleep 60');
    await running.waitForOutput(/still/, 60_000);
    running.signal('SIGSTOP');
    expect((await running.stop()).signal).toBe('SIGTERM');
  });

  it('kills what a process leaves behind when it exits by itself', async () => {
    const { stdout } = await sh('sleep 60 & echo $!').exited;
    await waitFor(() => !isAlive(Number(stdout)), { timeoutMs: 60_000, describe: 'the child to be gone' });
  });

  it('kills a process that ignores the request to stop', async () => {
    const running = sh(`trap '' TERM; echo deaf; while :; do sleep 60; done`);
    await running.waitForOutput(/deaf/, 60_000);
    const exit = await running.stop(50);
    expect(exit.signal).toBe('SIGKILL');
    await expect(running.stop()).resolves.toBe(exit);
  });

  it('rejects when the command does not exist', async () => {
    const running = startProcess('/no/such/program', [], { env });
    await expect(running.exited).rejects.toThrow('ENOENT');
    expect(() => running.pid).toThrow('not started');
  });
});
