import { waitFor } from '@codex-gateways/testing';
import type { LaunchedAppServer } from './launch-app-server.ts';
import { RunningAppServer } from './running-app-server.ts';

const TURN = { turnId: 'turn_1', exeId: 'exe_1', expiresAtSeconds: 0, capabilityToken: 'token' };
const HOUR_MS = 3_600_000;

describe('the life of one app-server', () => {
  function launch({ idleShutdownMs = HOUR_MS, capabilityLifetimeMs = HOUR_MS, hasExecutor = true }) {
    let end = (_how: string) => {};
    const ended = new Promise<string>((resolve) => {
      end = resolve;
    });
    const stop = async () => end('the app-server ended by SIGTERM');
    const launched: LaunchedAppServer = {
      url: 'ws://127.0.0.1:1',
      headers: {},
      codexHome: '/home',
      environmentIds: ['remote'],
      modelProvider: 'gateway',
      groupId: 1,
      ended,
      stop,
    };
    return {
      running: new RunningAppServer({
        launched,
        turn: hasExecutor ? TURN : undefined,
        capabilityRemainingMs: capabilityLifetimeMs,
        idleShutdownMs,
        probeTimeoutMs: 1000,
      }),
      crash: end,
    };
  }

  const hasEnded = (running: RunningAppServer) =>
    waitFor(() => !running.isUsable, { timeoutMs: 5000, describe: 'the end' });

  it('ends when it was idle for so long, from its start or its last client on', async () => {
    const { running } = launch({ idleShutdownMs: 50 });
    expect(await running.ended).toEqual({ words: 'the app-server was idle', wasStopped: true });
    const other = launch({ idleShutdownMs: 50 }).running;
    const [one, two] = [other.lease(), other.lease()];
    one.release();
    one.release();
    expect(other.clientCount).toBe(1);
    await hasEnded(launch({ idleShutdownMs: 60 }).running); // a longer life, begun later, is over
    expect(other.isUsable).toBe(true);
    two.release();
    await hasEnded(other);
  });

  it('tells what ended it when nobody asked it to', async () => {
    const { running, crash } = launch({});
    const { appServer } = running.lease();
    crash('the app-server ended with exit code 1');
    expect(await appServer.ended).toBe('the app-server ended with exit code 1');
    expect((await running.ended).wasStopped).toBe(false);
    expect(running.isUsable).toBe(false);
  });

  it('ends before its token does, when no turn runs, its clients told to connect again', async () => {
    const { running } = launch({ capabilityLifetimeMs: 500 });
    const told = new Promise((resolve) => running.lease().onStopping(resolve));
    expect(await told).toBe('the app-server restarts to renew its access to the executor; connect again');
    expect(await running.ended).toEqual({ words: await told, wasStopped: true });
  });

  it('waits for the turn that runs, and ends between two turns', async () => {
    const { running } = launch({ capabilityLifetimeMs: 1000 });
    const lease = running.lease();
    lease.turnStarted('a');
    lease.turnStarted('b');
    await hasEnded(launch({ capabilityLifetimeMs: 1000 }).running); // renewal is due for both by now
    lease.turnEnded('a');
    expect(running.isUsable).toBe(true);
    lease.turnEnded('b');
    expect((await running.ended).words).toContain('restarts to renew');
  });

  it('waits no longer than the token lives', async () => {
    const { running } = launch({ capabilityLifetimeMs: 300 });
    running.lease().turnStarted('endless');
    expect((await running.ended).words).toBe('the access of the app-server to its executor expired; connect again');
  });

  it('does not wait for turns whose clients have left', async () => {
    const { running } = launch({ capabilityLifetimeMs: 1000 });
    const lease = running.lease();
    lease.turnStarted('a');
    await hasEnded(launch({ capabilityLifetimeMs: 1000 }).running);
    lease.release();
    expect((await running.ended).words).toContain('restarts to renew');
  });

  it('tells its clients of the end before the process, also one that came at the last moment, and not those that left', async () => {
    const { running } = launch({});
    const told: string[] = [];
    const [one, left, late] = [running.lease(), running.lease(), running.lease()];
    one.onStopping((reason) => told.push(`one: ${reason}`));
    left.onStopping((reason) => told.push(`left: ${reason}`));
    left.release();
    const stopped = running.stop('bye');
    late.onStopping((reason) => told.push(`late: ${reason}`));
    expect(told).toEqual(['one: bye', 'late: bye']);
    await stopped;
    await running.stop('again');
    expect(told).toHaveLength(2);
  });

  it('has no end without a token', async () => {
    const { running } = launch({ capabilityLifetimeMs: 50, hasExecutor: false });
    await hasEnded(launch({ capabilityLifetimeMs: 60 }).running);
    expect(running.isUsable).toBe(true);
    await running.stop('the gateway is shutting down');
    expect((await running.ended).words).toBe('the gateway is shutting down');
  });
});
