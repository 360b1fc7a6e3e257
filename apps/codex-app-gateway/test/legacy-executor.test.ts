import { readdir } from 'node:fs/promises';
import {
  type AppServerClient,
  type Cleanup,
  codexBinary,
  createSignedInHome,
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
import { onlyAppServer, openTurnId } from './app-server-processes.ts';
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
import { connect, createWorld, type World } from './world.ts';

const VERSION = '0.140.0';
/** The CLI of that version is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;

/** Of a person who has signed in: this version registers in no other way. */
async function startExecutor(cleanup: Cleanup, { url }: Pick<ExecGatewayProcess, 'url'>, exeId: string) {
  const home = await createSignedInHome({ accessToken: 'owner-token', accountId: 'acc-1' });
  cleanup.after(() => home.remove());
  const executor = await startCodex({
    args: ['exec-server', '--remote', url, '--environment-id', exeId],
    home,
    env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: 'http://127.0.0.1:9/oauth/token', EXECUTOR_MARKER: 'of-0140' },
    version: VERSION,
  });
  cleanup.after(() => executor.stop());
  return executor;
}

describe('an app-server and an executor of the last CLI without encryption (0.140)', () => {
  const cleanup = useCleanup();
  let world: World;
  let execGateway: ExecGatewayProcess;
  let gateway: AppGateway;
  let client: AppServerClient;
  let exeId: string;
  const executors: RunningProcess[] = [];

  beforeAll(async () => {
    world = await createWorld(cleanup);
    const model = await startModelServer({
      script: (request) => {
        const output = lastToolOutput(request);
        const command = `echo "marker=$EXECUTOR_MARKER"; touch ${world.stateDir}/ran-$EXECUTOR_MARKER`;
        return output === undefined ? runCommand(command) : say(`it wrote ${output}`);
      },
    });
    cleanup.after(() => model.close());
    execGateway = await startExecGateway(cleanup, world);
    exeId = await registerExecutor(execGateway, 'old');
    gateway = await world.start({
      ...viaExecGateway(execGateway),
      CXG_MODEL_PROVIDER_BASE_URL: model.url,
      CXG_EXECUTOR_CHECK_INTERVAL: '200ms',
      CXG_CODEX_BIN: await codexBinary(VERSION),
    });
    client = await connect(gateway);
  }, TEST_TIMEOUT_MS);

  const prompt = async () => outputOf((await runTurn(client, { text: 'go', cwd: '/' })).items);
  const ranHere = async () => (await readdir(world.stateDir)).filter((name) => name.startsWith('ran-'));

  const test = testsWithOutputs(() => writtenBy({ world, execGateway, executors }));

  test('runs nothing without an executor', async () => {
    expect(await prompt()).not.toMatch(/marker=(?!\$)/);
    expect(await ranHere()).toEqual([]);
  });

  test('runs nothing while its executor is offline; the person is told why, in words', async () => {
    await bindExecutor(execGateway, exeId, { name: 'old', isDefault: true });
    expect(await client.closed).toMatchObject({ reason: expect.stringContaining('another executor') });
    client = await connect(gateway);
    expect(await prompt()).not.toMatch(/marker=(?!\$)/);
    expect(await ranHere()).toEqual([]);
    const warnings = client.notifications.filter(({ method }) => method === 'warning');
    expect(JSON.stringify(warnings)).toContain(`executor ${exeId}: the executor is not connected`);
  });

  test('runs commands on it once it is online, with the same app-server', async () => {
    const { pid } = await onlyAppServer(world.stateDir);
    executors.push(await startExecutor(cleanup, execGateway, exeId));
    await waitFor(async () => (await prompt()).includes('marker=of-0140'), {
      timeoutMs: PATIENCE_MS,
      describe: 'a command to run on the executor',
    });
    expect(await ranHere()).toEqual(['ran-of-0140']);
    expect((await onlyAppServer(world.stateDir)).pid).toBe(pid);
  });

  test('runs none after the turn was revoked, until a client connects anew: then with another turn', async () => {
    const revoked = await openTurnId(world.stateDir);
    await revokeTurn(execGateway, revoked);
    await waitFor(async () => !(await prompt()).includes('marker=of-0140'), {
      timeoutMs: PATIENCE_MS,
      describe: 'the bridge to close',
    });
    expect(await prompt()).not.toContain('marker=of-0140');
    await client.close();
    client = await connect(gateway);
    expect(await prompt()).toContain('marker=of-0140');
    expect(await openTurnId(world.stateDir)).not.toBe(revoked);
  });

  test('has nothing in its environment that opens more than its own bridge', async () => {
    const { environment } = await onlyAppServer(world.stateDir);
    expect(environment.CODEX_EXEC_SERVER_URL).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/[\w-]+\/bridge\?/);
    expect(Object.keys(environment).filter((name) => name.includes('NOISE'))).toEqual([]);
    expect(await ranHere()).toEqual(['ran-of-0140']);
  });
});
