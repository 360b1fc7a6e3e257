import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AppServerClient,
  type Cleanup,
  codexBinary,
  createCodexHome,
  lastToolOutput,
  runCommand,
  runTurn,
  say,
  startCodex,
  startModelServer,
  type TurnItem,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { AppGateway } from '../src/index.ts';
import { onlyAppServer, openTurnId } from './app-server-processes.ts';
import { type ExecGatewayProcess, manageExecutors, startExecGateway } from './exec-gateway.ts';
import { connect, createWorld, GATEWAY_SECRETS, type World } from './world.ts';

const VERSION = '0.140.0';
/** The CLI of that version is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;

/** Of a person who has signed in: this version registers in no other way. */
async function startExecutor(cleanup: Cleanup, { url }: Pick<ExecGatewayProcess, 'url'>, exeId: string) {
  const home = await createCodexHome();
  cleanup.after(() => home.remove());
  const claims = { email: 'dev@localhost', 'https://api.openai.com/auth': { chatgpt_account_id: 'acc-1' } };
  const idToken = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const tokens = { id_token: `${idToken.join('.')}.unsigned`, access_token: 'owner-token', account_id: 'acc-1' };
  const auth = {
    ...{ auth_mode: 'chatgpt', OPENAI_API_KEY: null, last_refresh: new Date().toISOString() },
    tokens: { ...tokens, refresh_token: 'not-used' },
  };
  await writeFile(join(home.path, 'auth.json'), JSON.stringify(auth), { mode: 0o600 });
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
    const body = { display_name: 'old' };
    exeId = (await manageExecutors(execGateway, { method: 'POST', path: '/register', body })).exe_id ?? '';
    gateway = await world.start({
      CXG_EXEC_GATEWAY_URL: execGateway.url.replace('http', 'ws'),
      CXG_EXEC_GATEWAY_INTERNAL_URL: execGateway.url,
      CXG_MODEL_PROVIDER_BASE_URL: model.url,
      CXG_EXECUTOR_CHECK_INTERVAL: '200ms',
      CXG_CODEX_BIN: await codexBinary(VERSION),
    });
    client = await connect(gateway);
  }, TEST_TIMEOUT_MS);

  const output = (items: readonly TurnItem[]) =>
    items.map((item) => item.aggregatedOutput ?? item.text ?? '').join('\n');
  const prompt = async () => output((await runTurn(client, { text: 'go', cwd: '/' })).items);
  const ranHere = async () => (await readdir(world.stateDir)).filter((name) => name.startsWith('ran-'));

  it('runs nothing without an executor', async () => {
    expect(await prompt()).not.toMatch(/marker=(?!\$)/);
    expect(await ranHere()).toEqual([]);
  }, 60_000);

  it('runs nothing while its executor is offline; the person is told why, in words', async () => {
    const body = { exe_id: exeId, name: 'old', is_default: true };
    await manageExecutors(execGateway, { method: 'POST', path: '/workspaces/ws-1/executors', body });
    expect(await client.closed).toMatchObject({ reason: expect.stringContaining('another executor') });
    client = await connect(gateway);
    expect(await prompt()).not.toMatch(/marker=(?!\$)/);
    expect(await ranHere()).toEqual([]);
    const warnings = client.notifications.filter(({ method }) => method === 'warning');
    expect(JSON.stringify(warnings)).toContain(`executor ${exeId}: the executor is not connected`);
  }, 60_000);

  it('runs commands on it once it is online, with the same app-server', async () => {
    const { pid } = await onlyAppServer(world.stateDir);
    await startExecutor(cleanup, execGateway, exeId);
    await waitFor(async () => (await prompt()).includes('marker=of-0140'), {
      timeoutMs: 40_000,
      describe: 'a command to run on the executor',
    });
    expect(await ranHere()).toEqual(['ran-of-0140']);
    expect((await onlyAppServer(world.stateDir)).pid).toBe(pid);
  }, 60_000);

  it('runs none after the turn was revoked, until a client connects anew: then with another turn', async () => {
    const revoked = await openTurnId(world.stateDir);
    const answer = await fetch(`${execGateway.url}/api/exec-gateway/revoke-turn`, {
      method: 'POST',
      headers: { authorization: `Bearer ${GATEWAY_SECRETS[1]}`, 'content-type': 'application/json' },
      body: JSON.stringify({ turn_id: revoked }),
    });
    expect(answer.ok).toBe(true);
    await waitFor(async () => !(await prompt()).includes('marker=of-0140'), {
      timeoutMs: 20_000,
      describe: 'the bridge to close',
    });
    expect(await prompt()).not.toContain('marker=of-0140');
    await client.close();
    client = await connect(gateway);
    expect(await prompt()).toContain('marker=of-0140');
    expect(await openTurnId(world.stateDir)).not.toBe(revoked);
  }, 60_000);

  it('has nothing in its environment that opens more than its own bridge', async () => {
    const { environment } = await onlyAppServer(world.stateDir);
    expect(environment.CODEX_EXEC_SERVER_URL).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/[\w-]+\/bridge\?/);
    expect(Object.keys(environment).filter((name) => name.includes('NOISE'))).toEqual([]);
    expect(await ranHere()).toEqual(['ran-of-0140']);
  });
});
