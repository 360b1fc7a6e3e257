import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  connectAppServer,
  createCodexHome,
  isAlive,
  lastToolOutput,
  type RunningProcess,
  runCommand,
  runTurn,
  say,
  startCodex,
  startModelServer,
  useBrowser,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { type LocalStack, startLocalStack } from '../src/index.ts';
import { callApi } from './api.ts';
import { approveDeviceCode } from './person.ts';

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
  let modelUrl: string;

  const start = (ports: { auth: number; app: number; exec: number; postgres: number }) =>
    startLocalStack({
      stateDirectory,
      ports,
      env: {
        CXG_MODEL: 'scripted',
        CXG_MODEL_PROVIDER: 'scripted',
        CXG_MODEL_PROVIDER_BASE_URL: modelUrl,
        CXG_MODEL_PROVIDER_ENV_KEY: 'SCRIPTED_MODEL_KEY',
        CXG_MODEL_PROVIDER_WIRE_API: 'responses',
        CXG_CODEX_API_KEY: 'not-checked',
      },
    });
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
    await waitFor(isOnline, { timeoutMs: 30_000, describe: () => `the executor is back: ${executor.output}` });
    expect(isAlive(executor.pid)).toBe(true);
    const client = await connectAppServer({
      url: stack.urls.app.replace('http', 'ws'),
      bearer: remoteToken,
      timeoutMs: 30_000,
    });
    try {
      const turn = await runTurn(client, { text: 'who are you?', cwd: '/' });
      expect(turn.items.find(({ type }) => type === 'commandExecution')?.aggregatedOutput).toBe(`marker=${MARKER}\n`);
    } finally {
      await client.close();
    }
  };
  const ready = (name: 'auth' | 'app' | 'exec') => async () =>
    (await callApi(`${stack.urls[name]}/readyz`).catch(() => undefined))?.status === 200;

  beforeAll(async () => {
    const model = await startModelServer({
      script: (request) => {
        const output = lastToolOutput(request);
        return output === undefined ? runCommand('echo "marker=$EXECUTOR_MARKER"') : say(`it wrote ${output}`);
      },
    });
    cleanup.after(() => model.close());
    modelUrl = model.url;
    const folder = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));
    await mkdir(folder, { recursive: true });
    stateDirectory = await mkdtemp(`${folder}kills-`);
    cleanup.after(() => rm(stateDirectory, { recursive: true, force: true }));
    stack = await start({ auth: 0, app: 0, exec: 0, postgres: 0 });
    cleanup.after(() => stack.stop());

    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    const login = await startCodex({
      args: ['login', '--device-auth', '--experimental_issuer', stack.urls.auth],
      home,
    });
    const [, userCode = ''] = await login.waitForOutput(/([B-Z]{4}-[B-Z]{4})/, 15_000);
    const verificationUrl = `${stack.urls.auth}/codex/device`;
    await approveDeviceCode(await browser.newPage(), { verificationUrl, userCode, credentials: stack.devUser });
    await login.exited;
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
  }, 180_000);

  it.each(['auth', 'exec', 'app'] as const)(
    'goes on after kill -9 of codex-%s',
    async (name) => {
      const child = stack.child(name);
      const killed = child.pid;
      child.kill('SIGKILL');
      await waitFor(() => !isAlive(killed), { timeoutMs: 10_000, describe: 'the killed service is gone' });
      await waitFor(ready(name), { timeoutMs: 30_000, describe: `codex-${name} is ready again` });
      expect(child.pid).not.toBe(killed);
      await expectEverythingToWork();
    },
    120_000,
  );

  it('goes on after kill -9 of the database', async () => {
    const killed = stack.databasePid;
    if (killed === undefined) throw new Error('the stack has no database of its own');
    process.kill(killed, 'SIGKILL');
    await waitFor(() => stack.databasePid !== undefined && stack.databasePid !== killed, {
      timeoutMs: 30_000,
      describe: 'the database is started again',
    });
    for (const name of ['auth', 'exec', 'app'] as const) {
      await waitFor(ready(name), { timeoutMs: 30_000, describe: `codex-${name} is ready again` });
    }
    await expectEverythingToWork();
  }, 120_000);

  it('goes on after it was stopped and started again', async () => {
    const ports = Object.fromEntries(
      Object.entries(stack.urls).map(([name, url]) => [name, Number(new URL(url).port)]),
    );
    const postgres = Number(new URL(stack.databaseUrl).port);
    await stack.stop();
    expect(isAlive(executor.pid)).toBe(true);
    stack = await start({ auth: 0, app: 0, exec: 0, ...ports, postgres });
    await expectEverythingToWork();
  }, 180_000);
});
