import {
  connectAppServer,
  createCodexHome,
  isAlive,
  type RunningProcess,
  runTurn,
  startCodex,
  useBrowser,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { LocalStack } from '../src/index.ts';
import { callApi } from './api.ts';
import {
  lastWordsOf,
  logInWithDeviceCode,
  newStateDirectory,
  reservePorts,
  startMarkerModel,
  startTestStack,
} from './use-local-stack.ts';

const MARKER = 'still-the-same-executor';

/** Everything that was there before a kill -9 is there after it, and nobody has to do anything. */
describe('a stack whose parts are killed', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let stack: LocalStack;
  let accessToken: string;
  let workspaceId: string;
  let remoteToken: string;
  let executor: RunningProcess;
  let stateDirectory: string;
  let ports: Awaited<ReturnType<typeof reservePorts>>;
  let model: Record<string, string>;

  const start = () => startTestStack(cleanup, { stateDirectory, ports, env: model });
  const api = <Body>(path: string, options: Parameters<typeof callApi>[1] = {}) =>
    callApi<Body>(`${stack.urls.auth}${path}`, { bearer: accessToken, ...options });
  const isOnline = async () => {
    const listed = await api<{ is_online: boolean }[]>(`/api/codex/connectors?workspace_id=${workspaceId}`).catch(
      () => undefined,
    );
    return listed?.status === 200 && listed.body[0]?.is_online === true;
  };
  /** What a person notices: the login, the executor and the remote token all work. */
  const expectEverythingToWork = async () => {
    await waitFor(isOnline, { timeoutMs: 120_000, describe: () => `the executor is back: ${executor.output}` });
    expect(isAlive(executor.pid)).toBe(true);
    const client = await connectAppServer({
      url: stack.urls.app.replace('http', 'ws'),
      bearer: remoteToken,
      timeoutMs: 120_000,
    });
    try {
      const turn = await runTurn(client, { text: 'who are you?', cwd: '/' });
      expect(turn.items.find(({ type }) => type === 'commandExecution')?.aggregatedOutput).toBe(`marker=${MARKER}\n`);
    } finally {
      await client.close();
    }
  };
  const untilReady = (url: string, name: string) =>
    waitFor(async () => (await callApi(`${url}/readyz`).catch(() => undefined))?.status === 200, {
      timeoutMs: 60_000,
      describe: () => `codex-${name} is ready again:\n${lastWordsOf(stack)}`,
    });

  beforeAll(async () => {
    model = await startMarkerModel(cleanup);
    stateDirectory = await newStateDirectory(cleanup);
    ports = await reservePorts();
    stack = await start();

    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    await logInWithDeviceCode(stack, { home, page: await browser.newPage() });
    accessToken = (await home.readAuth())?.tokens?.access_token ?? '';
    workspaceId = (await api<{ id: string }[]>('/api/workspaces')).body[0]?.id ?? '';
    const json = { workspace_id: workspaceId, name: 'laptop', is_default: true };
    const { body: connector } = await api<{ exe_id: string; environment: Record<string, string> }>(
      '/api/codex/connectors',
      {
        method: 'POST',
        json,
      },
    );
    const executorHome = await createCodexHome();
    cleanup.after(() => executorHome.remove());
    executor = await startCodex({
      args: [
        'exec-server',
        '--remote',
        stack.urls.exec,
        '--environment-id',
        connector.exe_id,
        '--use-agent-identity-auth',
      ],
      env: { ...connector.environment, EXECUTOR_MARKER: MARKER },
      home: executorHome,
    });
    cleanup.after(() => executor.stop());
    remoteToken = (await api<{ token: string }>('/api/codex/tokens', { method: 'POST', json })).body.token;
    await expectEverythingToWork();
  });

  // Of several replicas, each is killed in its turn, and everything works while the others stand in for it.
  it.each(['auth', 'exec', 'app'] as const)('goes on after kill -9 of codex-%s', async (name) => {
    for (const replica of stack.replicas(name)) {
      const killed = replica.pid;
      replica.kill('SIGKILL');
      await waitFor(() => !isAlive(killed), { timeoutMs: 60_000, describe: 'the killed service is gone' });
      await untilReady(stack.urls[name], name);
      await expectEverythingToWork();
      await untilReady(replica.url, name);
      expect(replica.pid).not.toBe(killed);
    }
  });

  it('goes on after kill -9 of the database', async () => {
    const killed = stack.databasePid;
    if (killed === undefined) throw new Error('the stack has no database of its own');
    process.kill(killed, 'SIGKILL');
    await waitFor(() => stack.databasePid !== undefined && stack.databasePid !== killed, {
      timeoutMs: 60_000,
      describe: () => `the database is started again:\n${lastWordsOf(stack)}`,
    });
    for (const name of ['auth', 'exec', 'app'] as const) {
      await untilReady(stack.urls[name], name);
    }
    await expectEverythingToWork();
  });

  it('goes on after it was stopped and started again', async () => {
    await stack.stop();
    expect(isAlive(executor.pid)).toBe(true);
    stack = await start();
    await expectEverythingToWork();
  });
});
