import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess } from '@codex-gateways/runtime';
import { freeze, isAlive, useCleanup, waitFor } from '@codex-gateways/testing';
import { onlyAppServer, openTurnId } from '../../test/app-server-processes.ts';
import { PATIENCE_MS } from '../../test/patience.ts';
import { runSource } from '../../test/run-source.ts';
import { connect, connectAtLast, createWorld, get, type World } from '../../test/world.ts';

const BROKEN = 'the connection to the app-server broke';
const LAPTOP = { exe_id: 'exe_laptop', name: 'laptop', is_default: true, is_online: true };

describe('app-servers of our own, with the real CLI', () => {
  const cleanup = useCleanup();

  const gone = (pid: number) =>
    waitFor(() => !isAlive(pid), { timeoutMs: PATIENCE_MS, describe: `process ${pid} to end` });
  const revoked = (world: World, turnId: string) =>
    waitFor(() => world.revokedTurns().includes(turnId), {
      timeoutMs: PATIENCE_MS,
      describe: `${turnId} to be revoked`,
    });
  /** Between the end of an app-server and the start of the next one, from the log. */
  const pauseMs = (world: World) => {
    const lines = world.logLines.map((line) => JSON.parse(line) as { msg: string; time: string; duration_ms: number });
    const end = lines.find(({ msg }) => msg === 'app-server ended');
    const start = lines.findLast(({ msg }) => msg === 'app-server started');
    return Date.parse(start?.time ?? '') - (start?.duration_ms ?? 0) - Date.parse(end?.time ?? '');
  };

  it('are one process, however many clients come at once', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(gateway)));
    await onlyAppServer(world.stateDir);
    await Promise.all(clients.map((client) => client.initialize()));
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_server_start_seconds_count\{.*\} 1\n/);
  });

  it('end when nobody has been connected for a while, and so does their turn', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_IDLE_SHUTDOWN: '1s' });
    const [client, other] = await Promise.all([connect(gateway), connect(gateway)]);
    const { pid } = await onlyAppServer(world.stateDir);
    const turnId = await openTurnId(world.stateDir);
    await client.close();
    const shorter = await connect(gateway, 'ws-2'); // comes later, and is left alone
    const { pid: shorterPid } = await onlyAppServer(world.stateDir, 'ws-2');
    await shorter.close();
    await gone(shorterPid);
    expect(isAlive(pid)).toBe(true);
    await other.close();
    await gone(pid);
    await revoked(world, turnId);
  });

  it('begin anew with the new executor when the default changed, at the next client', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const before = await onlyAppServer(world.stateDir);
    const turnId = await openTurnId(world.stateDir);
    world.executors.set('ws-1', [
      { ...LAPTOP, is_default: false },
      { ...LAPTOP, exe_id: 'exe_box', name: 'box' },
    ]);
    await connect(gateway).then((second) => second.close());
    expect((await onlyAppServer(world.stateDir)).pid).toBe(before.pid);
    await client.close();
    await waitFor(async () => /cxg_app_connections\{.*\} 0/.test((await get(gateway, '/metrics')).text), {
      timeoutMs: PATIENCE_MS,
      describe: 'no connection',
    });
    await connect(gateway);
    const after = await onlyAppServer(world.stateDir);
    expect(after.environment.CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID).toBe('exe_box');
    await revoked(world, turnId);
    await waitFor(async () => (await openTurnId(world.stateDir).catch(() => turnId)) !== turnId, {
      timeoutMs: PATIENCE_MS,
      describe: 'another turn',
    });
  });

  it('begin anew after they were killed, with a pause; their clients are told, their turn is revoked', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const { pid } = await onlyAppServer(world.stateDir);
    const turnId = await openTurnId(world.stateDir);
    const killedAtMs = performance.now();
    process.kill(pid, 'SIGKILL');
    const { code, reason } = await client.closed;
    expect(code).toBe(1011);
    // It is waited for a second for how an app-server ended whose connection broke.
    const isInTime = performance.now() - killedAtMs < 1000;
    expect(['the app-server ended by signal 9', ...(isInTime ? [] : [BROKEN])]).toContain(reason);
    const refusals: unknown[] = [];
    await revoked(world, turnId);
    await connectAtLast(gateway, 'ws-1', (refusal) => refusals.push(refusal));
    expect((await onlyAppServer(world.stateDir)).pid).not.toBe(pid);
    for (const refusal of refusals) expect(refusal).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(pauseMs(world)).toBeGreaterThan(250); // of half a second, as the log has it
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_servers_ended_total\{how="crashed".*\} 1/);
  });

  it('are stopped when they hang, and begun anew', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start({ CXG_APP_SERVER_DIAL_TIMEOUT: '2s', CXG_APP_SERVER_STOP_TIMEOUT: '1s' });
    const client = await connectAtLast(gateway);
    const { pid } = await onlyAppServer(world.stateDir);
    await freeze(pid);
    await expect(connect(gateway)).rejects.toMatchObject({
      status: 503,
      body: expect.stringContaining('the app-server does not accept the connection'),
    });
    const reason = 'the app-server did not answer any more; connect again';
    expect(await client.closed).toEqual({ code: 1001, reason });
    await (await connectAtLast(gateway)).initialize();
    expect((await onlyAppServer(world.stateDir)).pid).not.toBe(pid);
  });

  it('are stopped when the gateway drains; their turns are revoked by then', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const { pid } = await onlyAppServer(world.stateDir);
    const turnId = await openTurnId(world.stateDir);
    await gateway.drain();
    expect(isAlive(pid)).toBe(false);
    expect(world.revokedTurns()).toEqual([turnId]);
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await readdir(join(world.stateDir, 'processes'))).toEqual([]);
  });

  it('do not outlive a gateway that is killed, and the next one revokes their turns', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const first = runSource('src/main.ts', world.env());
    const [, url = ''] = await first.waitForOutput(/"url":"(http:[^"]+)"/, PATIENCE_MS);
    const client = await connect({ url });
    const { pid } = await onlyAppServer(world.stateDir);
    const turnId = await openTurnId(world.stateDir);
    process.kill(first.pid, 'SIGKILL');
    await gone(pid);
    expect((await client.closed).code).toBe(1006);
    expect(world.revokedTurns()).toEqual([]);
    await world.start();
    await revoked(world, turnId);
  });

  it('end in order with their gateway on SIGTERM, which exits with 0', async () => {
    const world = await createWorld(cleanup);
    const process_ = runSource('src/main.ts', world.env());
    const [, url = ''] = await process_.waitForOutput(/"url":"(http:[^"]+)"/, PATIENCE_MS);
    const client = await connect({ url });
    const { pid } = await onlyAppServer(world.stateDir);
    process.kill(process_.pid, 'SIGTERM');
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await process_.exited).toMatchObject({ code: 0, stderr: '' });
    expect(isAlive(pid)).toBe(false);
  });

  it('that outlived even their watcher are killed by the next gateway, and nobody else is', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    await connect(gateway);
    const [record = ''] = await readdir(join(world.stateDir, 'processes'));
    const path = join(world.stateDir, 'processes', record);
    const remembered = await readFile(path, 'utf8');
    await gateway.close();
    const bystander = runSource('test/bystander.fixture.ts');
    await bystander.waitForOutput(/ready/, PATIENCE_MS);
    const identity = { ...JSON.parse(remembered), pid: bystander.pid };
    await writeFile(path, JSON.stringify(identity)); // the id is taken by another process by now
    await (await world.start()).close();
    expect(isAlive(bystander.pid)).toBe(true);
    await writeFile(path, JSON.stringify(identifyProcess(bystander.pid)));
    await world.start();
    expect((await bystander.exited).signal).toBe('SIGKILL');
  });

  it('are as many as there may be; one without clients makes room', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start({ CXG_MAX_APP_SERVERS: '2' });
    const [first] = await Promise.all([connect(gateway, 'ws-a'), connect(gateway, 'ws-b')]);
    await expect(connect(gateway, 'ws-c')).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '30' },
      body: expect.stringContaining('all 2 app-servers of this gateway are in use'),
    });
    const { pid } = await onlyAppServer(world.stateDir, 'ws-a');
    await first.close();
    await connectAtLast(gateway, 'ws-c');
    expect(isAlive(pid)).toBe(false);
    await onlyAppServer(world.stateDir, 'ws-b');
  });

  it('are not started while the exec-gateway is away; those that run go on', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    await (await connect(gateway)).close();
    const { answer } = world.execGateway;
    world.execGateway.answer = () => ({ status: 500, body: {} });
    await (await connect(gateway)).close();
    await expect(connect(gateway, 'ws-new')).rejects.toMatchObject({
      status: 503,
      body: expect.stringContaining('the exec-gateway, which knows the executors, does not answer'),
    });
    world.execGateway.answer = answer; // the gateway ends by revoking turns there
  });

  it('need a CLI: without one the gateway does not start, and says so in words', async () => {
    const world = await createWorld(cleanup);
    for (const CXG_CODEX_BIN of ['/no/such/codex', 'no-such-codex', world.stateDir, '/etc/passwd']) {
      await expect(world.start({ CXG_CODEX_BIN })).rejects.toThrow(`CXG_CODEX_BIN names no program: ${CXG_CODEX_BIN}`);
    }
    const process_ = runSource('src/main.ts', world.env({ CXG_CODEX_BIN: '/no/such/codex' }));
    expect(await process_.exited).toMatchObject({
      code: 1,
      stderr: 'the configuration is not usable:\n  CXG_CODEX_BIN names no program: /no/such/codex\n',
    });
  });
});
