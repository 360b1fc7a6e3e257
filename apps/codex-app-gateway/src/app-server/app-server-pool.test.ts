import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAppServer, isAlive, useCleanup, waitFor } from '@codex-gateways/testing';
import { capabilityToken } from '@codex-gateways/tokens';
import { appServerProcesses } from '../../test/app-server-processes.ts';
import { runSource } from '../../test/run-source.ts';
import { connect, createWorld, GATEWAY_SECRETS, get, type World, wsUrl } from '../../test/world.ts';

const LAPTOP = { exe_id: 'exe_laptop', name: 'laptop', is_default: true, is_online: true };
const CAPTOKEN_SECRET = 'capability-token-hmac-secret';

describe('app-servers of our own, with the real CLI', () => {
  const cleanup = useCleanup();

  const onlyProcess = async (world: World, workspaceId = 'ws-1') => {
    const processes = await appServerProcesses(world.stateDir, workspaceId);
    expect(processes).toHaveLength(1);
    return processes[0] ?? { pid: 0, args: [], environment: {} };
  };
  const gone = (pid: number) => waitFor(() => !isAlive(pid), { timeoutMs: 15_000, describe: `process ${pid} to end` });
  const revoked = (world: World, turnId: string) =>
    waitFor(() => world.revokedTurns().includes(turnId), { timeoutMs: 15_000, describe: `${turnId} to be revoked` });
  const turnOf = (environment: Readonly<Record<string, string>>) => {
    const token = environment.CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN ?? '';
    const outcome = capabilityToken.verify(token, CAPTOKEN_SECRET, Math.floor(Date.now() / 1000));
    if (!outcome.ok) throw new Error(`the capability token is not valid: ${outcome.reason}`);
    return outcome.payload;
  };

  it('are one process, however many clients come at once', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(gateway)));
    await onlyProcess(world);
    await Promise.all(clients.map((client) => client.initialize()));
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_server_start_seconds_count\{.*\} 1\n/);
  }, 60_000);

  it('have an environment that is named here, variable by variable, and no secret of the gateway', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_CODEX_API_KEY: 'key-of-the-model', CXG_MODEL_PROVIDER_ENV_KEY: 'THE_KEY' });
    await connect(gateway);
    const { environment, args } = await onlyProcess(world);
    const home = join(world.stateDir, 'workspaces', 'ws-1');
    expect(environment).toEqual({
      PWD: '/',
      PATH: join(world.stateDir, 'empty'),
      HOME: join(home, 'home'),
      CODEX_HOME: join(home, 'codex-home'),
      TMPDIR: join(home, 'tmp'),
      LANG: 'C.UTF-8',
      THE_KEY: 'key-of-the-model',
      CODEX_EXEC_SERVER_URL: 'none',
      CODEX_EXEC_SERVER_NOISE_REGISTRY_URL: world.execGateway.url,
      CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID: 'exe_laptop',
      CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: expect.any(String),
      CODEX_EXEC_SERVER_NOISE_CHATGPT_ACCOUNT_ID: 'ws-1',
    });
    expect(turnOf(environment)).toMatchObject({ workspace_id: 'ws-1', user_id: 'user-of-ws-1' });
    expect(await readdir(environment.PATH ?? '')).toEqual([]);
    for (const secret of GATEWAY_SECRETS) expect(JSON.stringify([environment, args])).not.toContain(secret);
  }, 60_000);

  it('leave no token and no key in the log, whatever happens to them', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_CODEX_API_KEY: 'key-of-the-model' });
    const client = await connect(gateway);
    const forged = connectAppServer({ url: wsUrl(gateway), bearer: 'a-forged-token' });
    await expect(forged).rejects.toMatchObject({ status: 401 });
    const { pid, environment } = await onlyProcess(world);
    process.kill(pid, 'SIGKILL');
    await client.closed;
    await expect(connect(gateway)).rejects.toMatchObject({ status: 503 });
    await gateway.close();
    const log = world.logLines.join('');
    expect(log).toContain('token refused');
    expect(log).toContain('app-server ended');
    const { CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: capability = '' } = environment;
    for (const secret of [...GATEWAY_SECRETS, capability, 'key-of-the-model', 'ast_ws-1', 'a-forged-token']) {
      expect(log).not.toContain(secret);
    }
  }, 60_000);

  it('take a token on their loopback port that nobody finds in their arguments', async () => {
    const world = await createWorld(cleanup);
    await connect(await world.start());
    const { args, pid } = await onlyProcess(world);
    expect(args.slice(1)).toEqual([
      'app-server',
      '--listen',
      'ws://127.0.0.1:0',
      '--ws-auth',
      'capability-token',
      '--ws-token-sha256',
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
    const port = await listeningPort(pid);
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    for (const authorization of ['', 'Bearer ast_ws-1', `Bearer ${args.at(-1)}`]) {
      const headers = { ...upgrade, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', authorization };
      expect((await fetch(`http://127.0.0.1:${port}/`, { headers }).catch(() => ({ status: 401 }))).status).toBe(401);
    }
  }, 60_000);

  it('without an executor have no way to run anything, and no turn', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    await connect(gateway);
    const { environment } = await onlyProcess(world);
    expect(environment.CODEX_EXEC_SERVER_URL).toBe('none');
    expect(Object.keys(environment).filter((name) => name.includes('NOISE'))).toEqual([]);
    expect(JSON.parse(await readFile(join(world.stateDir, 'turns.json'), 'utf8').catch(() => '[]'))).toEqual([]);
  }, 60_000);

  it('end when nobody has been connected for a while, and so does their turn', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_IDLE_SHUTDOWN: '1s' });
    const [client, other] = await Promise.all([connect(gateway), connect(gateway)]);
    const { pid, environment } = await onlyProcess(world);
    await client.close();
    const shorter = await connect(gateway, 'ws-2'); // comes later, and is left alone
    const { pid: shorterPid } = await onlyProcess(world, 'ws-2');
    await shorter.close();
    await gone(shorterPid);
    expect(isAlive(pid)).toBe(true);
    await other.close();
    await gone(pid);
    await revoked(world, turnOf(environment).turn_id);
  }, 60_000);

  it('begin anew with the new executor when the default changed, once no client is connected', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const before = await onlyProcess(world);
    world.executors.set('ws-1', [
      { ...LAPTOP, is_default: false },
      { ...LAPTOP, exe_id: 'exe_box', name: 'box' },
    ]);
    await connect(gateway).then((second) => second.close());
    expect((await onlyProcess(world)).pid).toBe(before.pid);
    await client.close();
    await waitFor(async () => /cxg_app_connections\{.*\} 0/.test((await get(gateway, '/metrics')).text), {
      timeoutMs: 5000,
      describe: 'no connection',
    });
    await connect(gateway);
    const after = await onlyProcess(world);
    expect(after.environment.CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID).toBe('exe_box');
    expect(turnOf(after.environment).turn_id).not.toBe(turnOf(before.environment).turn_id);
    await revoked(world, turnOf(before.environment).turn_id);
  }, 60_000);

  it('begin anew after they were killed, with a pause; their clients are told, their turn is revoked', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const { pid, environment } = await onlyProcess(world);
    process.kill(pid, 'SIGKILL');
    expect(await client.closed).toEqual({ code: 1011, reason: 'the app-server ended by signal 9' });
    await expect(connect(gateway)).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    await revoked(world, turnOf(environment).turn_id);
    const reconnect = () => connect(gateway).catch(() => undefined);
    await waitFor(reconnect, { timeoutMs: 20_000, describe: 'another app-server', intervalMs: 100 });
    expect((await onlyProcess(world)).pid).not.toBe(pid);
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_servers_ended_total\{how="crashed".*\} 1/);
  }, 60_000);

  it('are stopped when they hang, and begun anew', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start({ CXG_APP_SERVER_DIAL_TIMEOUT: '500ms' });
    const client = await connect(gateway);
    const { pid } = await onlyProcess(world);
    process.kill(pid, 'SIGSTOP');
    await expect(connect(gateway)).rejects.toMatchObject({
      status: 503,
      body: expect.stringContaining('the app-server does not accept the connection'),
    });
    const reason = 'the app-server did not answer any more; connect again';
    expect(await client.closed).toEqual({ code: 1001, reason });
    await (await connect(gateway)).initialize();
    expect((await onlyProcess(world)).pid).not.toBe(pid);
  }, 60_000);

  it('are stopped when the gateway drains; their turns are revoked by then', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    const client = await connect(gateway);
    const { pid, environment } = await onlyProcess(world);
    await gateway.drain();
    expect(isAlive(pid)).toBe(false);
    expect(world.revokedTurns()).toEqual([turnOf(environment).turn_id]);
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await readdir(join(world.stateDir, 'processes'))).toEqual([]);
  }, 60_000);

  it('do not outlive a gateway that is killed, and the next one revokes their turns', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const first = runSource('src/main.ts', world.env());
    const [, url = ''] = await first.waitForOutput(/"url":"(http:[^"]+)"/, 30_000);
    const client = await connect({ url });
    const { pid, environment } = await onlyProcess(world);
    process.kill(first.pid, 'SIGKILL');
    await gone(pid);
    expect((await client.closed).code).toBe(1006);
    expect(world.revokedTurns()).toEqual([]);
    await world.start();
    await revoked(world, turnOf(environment).turn_id);
  }, 90_000);

  it('end in order with their gateway on SIGTERM, which exits with 0', async () => {
    const world = await createWorld(cleanup);
    const process_ = runSource('src/main.ts', world.env());
    const [, url = ''] = await process_.waitForOutput(/"url":"(http:[^"]+)"/, 30_000);
    const client = await connect({ url });
    const { pid } = await onlyProcess(world);
    process.kill(process_.pid, 'SIGTERM');
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await process_.exited).toMatchObject({ code: 0, stderr: '' });
    expect(isAlive(pid)).toBe(false);
  }, 90_000);

  it('that outlived even their watcher are killed by the next gateway, and nobody else is', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    await connect(gateway);
    const [record = ''] = await readdir(join(world.stateDir, 'processes'));
    const path = join(world.stateDir, 'processes', record);
    const remembered = await readFile(path, 'utf8');
    await gateway.close();
    const bystander = runSource('test/bystander.fixture.ts');
    await bystander.waitForOutput(/ready/, 20_000);
    const identity = { ...JSON.parse(remembered), pid: bystander.pid };
    await writeFile(path, JSON.stringify(identity)); // the id is taken by another process by now
    await (await world.start()).close();
    expect(isAlive(bystander.pid)).toBe(true);
    await writeFile(path, JSON.stringify({ ...identity, startTicks: await startTicksOf(bystander.pid) }));
    await world.start();
    expect((await bystander.exited).signal).toBe('SIGKILL');
  }, 90_000);

  it('are as many as there may be; one without clients makes room', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start({ CXG_MAX_APP_SERVERS: '2' });
    const [first] = await Promise.all([connect(gateway, 'ws-a'), connect(gateway, 'ws-b')]);
    await expect(connect(gateway, 'ws-c')).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '30' },
      body: expect.stringContaining('all 2 app-servers of this gateway are in use'),
    });
    const { pid } = await onlyProcess(world, 'ws-a');
    await first.close();
    await waitFor(() => connect(gateway, 'ws-c').catch(() => undefined), { timeoutMs: 20_000, describe: 'a place' });
    expect(isAlive(pid)).toBe(false);
    await onlyProcess(world, 'ws-b');
  }, 60_000);

  it('are not started while the exec-gateway is away; those that run go on', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start();
    await (await connect(gateway)).close();
    world.execGateway.answer = () => ({ status: 500, body: {} });
    await (await connect(gateway)).close();
    await expect(connect(gateway, 'ws-new')).rejects.toMatchObject({
      status: 503,
      body: expect.stringContaining('the exec-gateway, which knows the executors, does not answer'),
    });
  }, 60_000);

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
  }, 60_000);
});

/** The port of 127.0.0.1 that a process listens on (proc(5), net/tcp: state 0A). */
async function listeningPort(pid: number): Promise<number> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((row) => row.trim().split(/\s+/));
  const listening = rows.find((row) => row[3] === '0A' && inodes.has(row[9] ?? ''));
  return Number.parseInt(listening?.[1]?.split(':')[1] ?? '', 16);
}

async function startTicksOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
