import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AppServerClient,
  connectWebSocket,
  freePort,
  freeze,
  lastUserText,
  type RunningProcess,
  runTurn,
  say,
  startModelServer,
  startRoundRobin,
  UpgradeRefusedError,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { hopToken } from '@codex-gateways/tokens';
import { appServerProcesses } from './app-server-processes.ts';
import { type ExecGatewayProcess, isReady, leaseEndsSoon, startExecGateway, viaExecGateway } from './exec-gateway.ts';
import { PATIENCE_MS } from './patience.ts';
import { runSource } from './run-source.ts';
import { testsWithOutputs } from './with-outputs.ts';
import { CAPABILITY_SECRET, connect, createWorld, get, type World, wsUrl } from './world.ts';

interface Replica {
  readonly name: string;
  readonly url: string;
  readonly stateDir: string;
  process: RunningProcess;
}

describe('two gateways, with the real app-server and the real exec-gateway', () => {
  const cleanup = useCleanup();
  let world: World;
  let execGateway: ExecGatewayProcess;
  let modelUrl: string;
  let first: Replica;
  let second: Replica;
  let front: { url: string };
  const replicas: Replica[] = [];

  const launch = (replica: Pick<Replica, 'url' | 'stateDir'>, variables: Record<string, string> = {}) =>
    runSource('src/main.ts', {
      ...world.env({
        CXG_APP_PORT: new URL(replica.url).port,
        CXG_APP_SELF_INTERNAL_URL: replica.url,
        CXG_STATE_DIR: replica.stateDir,
        ...viaExecGateway(execGateway),
        CXG_MODEL_PROVIDER_BASE_URL: modelUrl,
        CXG_APP_LEASE: '5m',
        CXG_REVERIFY_INTERVAL: '300ms',
        CXG_MAX_CONNECTIONS_PER_WORKSPACE: '4',
      }),
      ...variables,
    });
  const startReplica = async (name: string, variables?: Record<string, string>): Promise<Replica> => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const stateDir = join(world.stateDir, name);
    const replica = { name, url, stateDir, process: launch({ url, stateDir }, variables) };
    replicas.push(replica);
    cleanup.after(() => replica.process.stop());
    await isReady(url, replica.process);
    return replica;
  };
  /** Of a gateway that does not go on. */
  const endLease = async ({ url, stateDir }: Replica, workspaceId: string): Promise<void> => {
    const name = (await readFile(join(stateDir, 'gateway.id'), 'utf8')).trim();
    await leaseEndsSoon(execGateway, { name, url, workspaceId });
  };
  const test = testsWithOutputs(() =>
    Object.fromEntries(
      [...replicas, { name: 'exec-gateway', ...execGateway }].map((each) => [each.name, each.process.output]),
    ),
  );
  const restart = async (replica: Replica): Promise<void> => {
    replica.process = launch(replica);
    await isReady(replica.url, replica.process);
  };
  const appServersOf = async (workspaceId: string): Promise<string[]> => {
    const running = await Promise.all(
      replicas.map(async ({ name, stateDir }) => (await appServerProcesses(stateDir, workspaceId)).map(() => name)),
    );
    return running.flat();
  };
  const threadsOf = async (client: AppServerClient): Promise<string[]> => {
    await client.initialize();
    const { data } = await client.request<{ data: { preview: string }[] }>('thread/list', { limit: 100 });
    return data.map(({ preview }) => preview);
  };

  beforeAll(async () => {
    world = await createWorld(cleanup);
    const model = await startModelServer({ script: (request) => say(`you said: ${lastUserText(request)}`) });
    cleanup.after(() => model.close());
    modelUrl = model.url;
    execGateway = await startExecGateway(cleanup, world);
    [first, second] = await Promise.all([startReplica('first'), startReplica('second')]);
    front = { url: await startRoundRobin(cleanup, () => [first.url, second.url]) };
  });

  test('give two clients of one workspace one app-server, whichever gateway each of them meets', async () => {
    const clients = [await connect(front, 'ws-shared'), await connect(front, 'ws-shared')] as const;
    expect(await appServersOf('ws-shared')).toHaveLength(1);
    const turn = await runTurn(clients[0], { text: 'from the first client', cwd: '/' });
    expect(turn).toMatchObject({ status: 'completed' });
    expect(await threadsOf(clients[1])).toEqual(['from the first client']);
    const again = await runTurn(clients[1], { text: 'from the second client', cwd: '/' });
    expect(again.items.at(-1)).toMatchObject({ text: 'you said: from the second client' });
    const joined = await Promise.all([first, second].map(async (each) => (await get(each, '/metrics')).text));
    expect(joined.join('\n')).toMatch(/cxg_app_forwards_total\{outcome="joined".*\} 1/);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('start one app-server when both are asked at once', async () => {
    const clients = await Promise.all([first, second, first, second].map((each) => connect(each, 'ws-race')));
    await Promise.all(clients.map((client) => client.initialize()));
    expect(await appServersOf('ws-race')).toHaveLength(1);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('guard a client that is passed on, verify its token again, and count its place where it connected', async () => {
    const home = await connect(first, 'ws-guarded');
    const passedOn = await connect(second, 'ws-guarded');
    expect(await appServersOf('ws-guarded')).toEqual(['first']);
    await passedOn.initialize();
    await expect(passedOn.request('fs/readFile', { path: '/etc/passwd' })).rejects.toMatchObject({ code: -32601 });
    const others = await Promise.all([1, 2, 3].map(() => connect(second, 'ws-guarded')));
    await expect(connect(second, 'ws-guarded')).rejects.toMatchObject({ status: 429 });
    const { answer } = world.agentserver;
    world.agentserver.answer = () => ({ status: 401, body: { error: 'invalid_token' } });
    expect(await passedOn.closed).toMatchObject({ code: 4401 });
    await Promise.all([home, ...others].map((client) => client.closed));
    world.agentserver.answer = answer;
  });

  test('tell codex-auth of a client at the gateway where it connected, with what it calls itself', async () => {
    const reports: { gateway: string; session: Record<string, unknown> }[] = [];
    const { answer } = world.agentserver;
    world.agentserver.answer = (request) => {
      if (request.path !== '/internal/codex-auth/remote-sessions') return answer(request);
      const { gateway_id: gateway, sessions } = request.body as {
        gateway_id: string;
        sessions: Record<string, unknown>[];
      };
      const told = sessions.filter((session) => session.workspace_id === 'ws-told');
      reports.push(...told.map((session) => ({ gateway, session })));
      return { status: 204 };
    };
    const [third, fourth] = [await startReplica('reporting'), await startReplica('reporting-too')];
    const home = await connect(third, 'ws-told');
    const passedOn = await connect(fourth, 'ws-told');
    await Promise.all([home.initialize(), passedOn.initialize()]);
    const introduced = () => reports.filter(({ session }) => session.client_name === 'codex-gateways-tests');
    await waitFor(() => new Set(introduced().map(({ session }) => session.id)).size === 2, {
      timeoutMs: PATIENCE_MS,
      describe: () => `two sessions with a name: ${JSON.stringify(reports)}`,
    });
    expect(new Set(introduced().map(({ gateway }) => gateway)).size).toBe(2);
    expect(new Set(reports.map(({ session }) => session.id)).size).toBe(2);
    await Promise.all([home, passedOn].map((client) => client.close()));
    await Promise.all([third, fourth].map((replica) => replica.process.stop()));
    world.agentserver.answer = answer;
  });

  test('take nothing over an internal hop without a token that was minted for it', async () => {
    const mint = (claims: object) =>
      hopToken.mint(
        { aud: 'x', sub: 'ws-1', grant: {}, exp: Math.floor(Date.now() / 1000) + 30, ...claims },
        CAPABILITY_SECRET,
      );
    for (const bearer of ['ast_ws-1', 'nothing', mint({}), mint({ grant: { kind: 'app_server' } })]) {
      const refused = connectWebSocket({ url: `${wsUrl(first)}/forwarded-app-server`, bearer });
      await expect(refused).rejects.toMatchObject({ status: 403 });
    }
  });

  test('keep what runs while the exec-gateway is away, and refuse what would have to be started', async () => {
    const client = await connect(first, 'ws-outage');
    await client.initialize();
    await freeze(execGateway.process.pid);
    try {
      expect(await threadsOf(client)).toEqual([]);
      const again = await connect(first, 'ws-outage');
      await again.close();
      const refused = await connect(second, 'ws-new').catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(UpgradeRefusedError);
      expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } });
    } finally {
      process.kill(execGateway.process.pid, 'SIGCONT');
    }
    expect(await threadsOf(client)).toEqual([]);
    await client.close();
  });

  test('give a workspace to the other one when its gateway is killed', async () => {
    const killed = await startReplica('killed', { CXG_APP_LEASE_RENEWAL: '1m' });
    const [home, passedOn] = [await connect(killed, 'ws-killed'), await connect(second, 'ws-killed')];
    process.kill(killed.process.pid, 'SIGKILL');
    expect((await passedOn.closed).code).toBe(1001);
    await home.closed;
    await endLease(killed, 'ws-killed');
    const next = await connect(second, 'ws-killed');
    expect(await runTurn(next, { text: 'still there?', cwd: '/' })).toMatchObject({ status: 'completed' });
    await waitFor(async () => (await appServersOf('ws-killed')).join() === 'second', {
      timeoutMs: PATIENCE_MS,
      describe: 'one app-server, at the gateway that is left',
    });
    await next.close();
    await restart(killed);
    const back = await connect(killed, 'ws-killed');
    expect(await threadsOf(back)).toEqual(['still there?']);
    await back.close();
  });

  test('stop the app-server of a gateway that was paused for so long that another one took over', async () => {
    const paused = await startReplica('paused');
    const client = await connect(paused, 'ws-paused');
    await freeze(paused.process.pid);
    try {
      await endLease(paused, 'ws-paused');
      const next = await connect(second, 'ws-paused');
      await next.initialize();
    } finally {
      process.kill(paused.process.pid, 'SIGCONT');
    }
    expect(await client.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('another gateway') });
    await waitFor(async () => (await appServersOf('ws-paused')).join() === 'second', {
      timeoutMs: PATIENCE_MS,
      describe: 'one app-server, at the gateway that took over',
    });
    const back = await connect(paused, 'ws-paused');
    await back.initialize();
    expect(await appServersOf('ws-paused')).toEqual(['second']);
  });

  test('hand workspaces over at once when a gateway shuts down in order', async () => {
    const third = await startReplica('third');
    const client = await connect(third, 'ws-drained');
    process.kill(third.process.pid, 'SIGTERM');
    expect((await client.closed).code).toBe(1001);
    const next = await connect(first, 'ws-drained');
    await next.initialize();
    expect((await third.process.exited).code).toBe(0);
    expect(await appServersOf('ws-drained')).toEqual(['first']);
  });
});
