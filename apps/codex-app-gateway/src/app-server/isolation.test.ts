import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAppServer, useCleanup } from '@codex-gateways/testing';
import { onlyAppServer } from '../../test/app-server-processes.ts';
import { connect, createWorld, GATEWAY_SECRETS, wsUrl } from '../../test/world.ts';

const LAPTOP = { exe_id: 'exe_laptop', name: 'laptop', is_default: true, is_online: true };

describe('app-servers of our own, what they are given', () => {
  const cleanup = useCleanup();

  it('have an environment that is named here, variable by variable, and no secret of the gateway', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_CODEX_API_KEY: 'key-of-the-model', CXG_MODEL_PROVIDER_ENV_KEY: 'THE_KEY' });
    await connect(gateway);
    const { environment, args } = await onlyAppServer(world.stateDir);
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
      CODEX_EXEC_SERVER_NOISE_REGISTRY_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/),
      CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID: 'exe_laptop',
      CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: expect.any(String),
      CODEX_EXEC_SERVER_NOISE_CHATGPT_ACCOUNT_ID: 'ws-1',
    });
    const [, payload = ''] = (environment.CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN ?? '').split('.');
    const capability = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    expect(capability).toMatchObject({ turn_id: expect.any(String), workspace_id: 'ws-1' });
    expect(await readdir(environment.PATH ?? '')).toEqual([]);
    for (const secret of GATEWAY_SECRETS) expect(JSON.stringify([environment, args])).not.toContain(secret);
  });

  it('leave no token and no key in the log, whatever happens to them', async () => {
    const world = await createWorld(cleanup);
    world.executors.set('ws-1', [LAPTOP]);
    const gateway = await world.start({ CXG_CODEX_API_KEY: 'key-of-the-model' });
    const client = await connect(gateway);
    const forged = connectAppServer({ url: wsUrl(gateway), bearer: 'a-forged-token' });
    await expect(forged).rejects.toMatchObject({ status: 401 });
    const { pid, environment } = await onlyAppServer(world.stateDir);
    process.kill(pid, 'SIGKILL');
    await client.closed;
    await connect(gateway).catch(() => undefined); // refused, unless the pause after a crash is over
    await gateway.close();
    const log = world.logLines.join('');
    expect(log).toContain('token refused');
    expect(log).toContain('app-server ended');
    const { CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: capability = '' } = environment;
    for (const secret of [...GATEWAY_SECRETS, capability, 'key-of-the-model', 'ast_ws-1', 'a-forged-token']) {
      expect(log).not.toContain(secret);
    }
  });

  it('take a token on their loopback port that nobody finds in their arguments', async () => {
    const world = await createWorld(cleanup);
    await connect(await world.start());
    const { args, pid } = await onlyAppServer(world.stateDir);
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
  });

  it('without an executor have no way to run anything, and no turn', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start();
    await connect(gateway);
    const { environment } = await onlyAppServer(world.stateDir);
    expect(environment.CODEX_EXEC_SERVER_URL).toBe('none');
    expect(Object.keys(environment).filter((name) => name.includes('NOISE'))).toEqual([]);
    expect(JSON.parse(await readFile(join(world.stateDir, 'turns.json'), 'utf8').catch(() => '[]'))).toEqual([]);
  });
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
