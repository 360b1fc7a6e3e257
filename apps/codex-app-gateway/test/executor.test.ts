import {
  type AppServerClient,
  type Cleanup,
  createCodexHome,
  lastToolOutput,
  type RunningProcess,
  runCommand,
  runTurn,
  say,
  startCodex,
  startModelServer,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { AppGateway } from '../src/index.ts';
import { appServerProcesses, onlyAppServer, openTurnId } from './app-server-processes.ts';
import {
  bindExecutor,
  type ExecGatewayProcess,
  outputOf,
  registerExecutor,
  revokeTurn,
  startExecGateway,
  viaExecGateway,
} from './exec-gateway.ts';
import { PATIENCE_MS } from './patience.ts';
import { testsWithOutputs, writtenBy } from './with-outputs.ts';
import { connect, createWorld, GATEWAY_SECRETS, get, OWN_CONNECTION, type World } from './world.ts';

async function startExecutor(
  cleanup: Cleanup,
  { url }: Pick<ExecGatewayProcess, 'url'>,
  exeId: string,
  marker: string,
) {
  const home = await createCodexHome();
  cleanup.after(() => home.remove());
  const executor = await startCodex({
    args: ['exec-server', '--remote', url, '--environment-id', exeId, '--registration-bearer-stdin'],
    home,
    env: { EXECUTOR_MARKER: marker },
    input: 'ast_ws-1\n',
  });
  cleanup.after(() => executor.stop());
  return executor;
}

describe('commands on an executor, with the real CLI at both ends and the real exec-gateway', () => {
  const cleanup = useCleanup();
  let world: World;
  let execGateway: ExecGatewayProcess;
  let gateway: AppGateway;
  let client: AppServerClient;
  let first: string;
  const executors: RunningProcess[] = [];

  beforeAll(async () => {
    world = await createWorld(cleanup);
    const model = await startModelServer({
      script: (request) => {
        const output = lastToolOutput(request);
        return output === undefined ? runCommand('echo "marker=$EXECUTOR_MARKER"') : say(`it wrote ${output}`);
      },
    });
    cleanup.after(() => model.close());
    execGateway = await startExecGateway(cleanup, world);
    first = await bind('first', true);
    gateway = await world.start({
      ...viaExecGateway(execGateway),
      CXG_MODEL_PROVIDER_BASE_URL: model.url,
      CXG_EXECUTOR_CHECK_INTERVAL: '200ms',
    });
    client = await connect(gateway);
  });

  async function bind(name: string, isDefault: boolean): Promise<string> {
    const exeId = await registerExecutor(execGateway, name);
    await bindExecutor(execGateway, exeId, { name, isDefault });
    return exeId;
  }
  const warnings = (of: AppServerClient) =>
    of.notifications
      .filter(({ method }) => method === 'warning')
      .map(({ params }) => (params as { message: string }).message)
      .filter((message) => message.startsWith('No command'));
  const isOnline = (exeId: string, executor: RunningProcess) =>
    waitFor(
      async () => {
        const path = `${execGateway.url}/api/exec-gateway/connected?workspace_id=ws-1`;
        const answer = await fetch(path, {
          headers: { ...OWN_CONNECTION, authorization: `Bearer ${GATEWAY_SECRETS[1]}` },
        });
        return ((await answer.json()) as { exe_id: string }[]).some((each) => each.exe_id === exeId);
      },
      {
        timeoutMs: PATIENCE_MS,
        describe: () => `${exeId} to be online: ${executor.output} ${execGateway.process.output.slice(-3000)}`,
      },
    );

  const test = testsWithOutputs(() => writtenBy({ world, execGateway, executors }));

  test('that is offline cannot run; the person is told why, in words', async () => {
    const turn = await runTurn(client, { text: 'go', cwd: '/' });
    expect(outputOf(turn.items)).toContain('No usable execution environment');
    expect(warnings(client)).toEqual([expect.stringContaining(`executor ${first}: the executor is not connected`)]);
    const { text } = await get(gateway, '/metrics');
    expect(text).toMatch(/cxg_app_executor_refusals_total\{code="executor_offline".*\} [1-9]/);
  });

  test('run once it is online, with the same app-server and the same connection', async () => {
    const { pid } = await onlyAppServer(world.stateDir);
    const executor = await startExecutor(cleanup, execGateway, first, 'of-the-first');
    executors.push(executor);
    await isOnline(first, executor);
    const turn = await runTurn(client, { text: 'go', cwd: '/' });
    expect(outputOf(turn.items)).toContain('marker=of-the-first');
    expect((await onlyAppServer(world.stateDir)).pid).toBe(pid);
  });

  test('run for their own workspace only: another one has no place to run anything, and hears of nothing', async () => {
    const other = await connect(gateway, 'ws-2');
    const [own, theirs] = await Promise.all([
      runTurn(client, { text: 'go', cwd: '/' }),
      runTurn(other, { text: 'go', cwd: '/' }),
    ]);
    expect(outputOf(own.items)).toContain('marker=of-the-first');
    expect(theirs.environmentIds).toEqual([]);
    expect(outputOf(theirs.items)).not.toContain('marker=');
    expect(JSON.stringify(other.notifications)).not.toContain(own.threadId);
    await other.close();
  });

  test('do not run after a turn was revoked, until a client connects anew: then with another turn', async () => {
    const revoked = await openTurnId(world.stateDir);
    await revokeTurn(execGateway, revoked);
    await client.waitForNotification<{ message: string }>('warning', ({ message }) => message.includes('was revoked'));
    expect(outputOf((await runTurn(client, { text: 'go', cwd: '/' })).items)).not.toContain('marker=');
    await client.close();
    client = await connect(gateway);
    expect(outputOf((await runTurn(client, { text: 'go', cwd: '/' })).items)).toContain('marker=of-the-first');
    expect(await openTurnId(world.stateDir)).not.toBe(revoked);
  });

  test('run on the new default executor as soon as there is one, between two turns', async () => {
    const { pid } = await onlyAppServer(world.stateDir);
    const second = await bind('second', true);
    const executor = await startExecutor(cleanup, execGateway, second, 'of-the-second');
    executors.push(executor);
    expect(await client.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('another executor') });
    await isOnline(second, executor);
    await waitFor(async () => (await appServerProcesses(world.stateDir)).every((each) => each.pid !== pid), {
      timeoutMs: PATIENCE_MS,
      describe: 'the app-server before to be gone',
    });
    const next = await connect(gateway);
    const turn = await runTurn(next, { text: 'go', cwd: '/' });
    expect(outputOf(turn.items)).toContain('marker=of-the-second');
  });
});
