import { waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import type { LaunchedAppServer } from './launch-app-server.ts';
import { RunningAppServer } from './running-app-server.ts';

const HOUR_MS = 3_600_000;

describe('the life of one app-server', () => {
  function launch({ idleShutdownMs = HOUR_MS, quiet = () => {} }) {
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
        access: { exeId: 'exe_1', quiet, admitted: () => undefined },
        activeTurnIds: new Set(),
        idleShutdownMs,
        probeTimeoutMs: 1000,
      }),
      crash: end,
    };
  }

  const hasEnded = (running: RunningAppServer) =>
    waitFor(() => !running.isUsable, { timeoutMs: PATIENCE_MS, describe: 'the end' });

  it('ends at once when the last client had to leave since its access has ended', async () => {
    const { running } = launch({ idleShutdownMs: 60_000 });
    const [one, two] = [running.lease(), running.lease()];
    one.release({ accessEnded: true });
    expect(running.isUsable).toBe(true);
    two.release({ accessEnded: true });
    expect(await running.ended).toEqual({ words: 'the access of its last client has ended', wasStopped: true });
  });

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

  it('gives way to another one between two turns, its clients told to connect again', async () => {
    const { running } = launch({});
    const lease = running.lease();
    const told = new Promise((resolve) => lease.onStopping(resolve));
    lease.turnStarted('a');
    lease.turnStarted('b');
    running.restart('another executor');
    lease.turnEnded('a');
    expect(running.isUsable).toBe(true);
    lease.turnEnded('b');
    expect(await told).toBe('another executor');
    expect(await running.ended).toEqual({ words: 'another executor', wasStopped: true });
  });

  it('gives way at once when it works on nothing, or nobody is left who would hear of the end of its turns', async () => {
    const { running } = launch({});
    running.restart('another executor');
    expect(running.isUsable).toBe(false);
    const other = launch({}).running;
    const lease = other.lease();
    lease.turnStarted('a');
    other.restart('another executor');
    expect(other.isUsable).toBe(true);
    lease.release();
    expect(other.isUsable).toBe(false);
  });

  it('stays when there is no reason any more to give way', async () => {
    const { running } = launch({});
    const lease = running.lease();
    lease.turnStarted('a');
    running.restart('another executor');
    running.restart(undefined);
    lease.turnEnded('a');
    expect(running.isUsable).toBe(true);
  });

  it('says when it works on nothing, so that its access can be renewed', () => {
    let quietMoments = 0;
    const { running } = launch({ quiet: () => (quietMoments += 1) });
    const lease = running.lease();
    lease.turnStarted('a');
    lease.turnStarted('b');
    lease.turnEnded('a');
    expect(quietMoments).toBe(0);
    lease.turnEnded('b');
    expect(quietMoments).toBe(1);
  });

  it('tells every client what happened, the same thing once for each turn', () => {
    const { running } = launch({});
    const [one, two] = [running.lease(), running.lease()];
    const told: string[] = [];
    one.onNotice((message) => told.push(`one: ${message}`));
    two.onNotice((message) => told.push(`two: ${message}`));
    one.turnStarted('a');
    running.notify('offline');
    running.notify('offline');
    expect(told).toEqual(['one: offline', 'two: offline']);
    one.turnEnded('a');
    one.turnStarted('b');
    running.notify('offline');
    expect(told).toHaveLength(4);
    two.release();
    running.notify('revoked');
    expect(told.slice(4)).toEqual(['one: revoked']);
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
});
