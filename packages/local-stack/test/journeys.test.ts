import {
  type AppServerClient,
  type CodexHome,
  connectAppServer,
  createCodexHome,
  type RunningProcess,
  runCodex,
  runTurn,
  startAppServer,
  startCodex,
  UpgradeRefusedError,
  useBrowser,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { LocalStack } from '../src/index.ts';
import { callApi, claimsOf, countLiveBridges, letTokenExpire } from './api.ts';
import { signIn } from './person.ts';
import { descendantsOf } from './proc.ts';
import { lastWordsOf, logInWithDeviceCode, startMarkerModel, startTestStack } from './use-local-stack.ts';

const BUILT_IN_CLIENT = 'app_EMoamEEZ73f0CkXaXp7hrann';
const OPENAI_AUTH = 'https://api.openai.com/auth';
const MARKER = 'only-the-executor-knows';
// Below the five minutes before which the CLI refreshes by itself, so that each use of a login refreshes it.
const ACCESS_TOKEN_LIFETIME = '4m';

interface Connector {
  exe_id: string;
  environment: Record<string, string>;
  command: string;
}

/** The journeys in the order in which a person takes them: each test goes on where the one before ended. */
describe('the real Codex CLI through all three services', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let stack: LocalStack;
  let home: CodexHome;
  let accessToken: string;
  let workspaceId: string;
  let connector: Connector;
  let executor: RunningProcess;
  let executorHome: CodexHome;
  let remoteToken: string;
  let client: AppServerClient;

  const api = <Body>(path: string, options: Parameters<typeof callApi>[1] = {}) =>
    callApi<Body>(`${stack.urls.auth}${path}`, { bearer: accessToken, ...options });
  const newHome = async () => {
    const made = await createCodexHome();
    cleanup.after(() => made.remove());
    return made;
  };
  const connect = async (bearer: string) => {
    const connected = await connectAppServer({ url: stack.urls.app.replace('http', 'ws'), bearer, timeoutMs: 120_000 });
    cleanup.after(() => connected.close());
    return connected;
  };
  const refusal = async (bearer: string) => {
    const error: unknown = await connect(bearer).catch((reason) => reason);
    return error instanceof UpgradeRefusedError ? error.status : error;
  };
  const mintRemoteToken = (over: object = {}) =>
    api<{ id: string; token: string }>('/api/codex/tokens', {
      method: 'POST',
      json: { workspace_id: workspaceId, name: 'terminal', ...over },
    });

  beforeAll(async () => {
    const model = await startMarkerModel(cleanup);
    stack = await startTestStack(cleanup, { env: { ...model, CODEX_AUTH_ACCESS_TOKEN_TTL: ACCESS_TOKEN_LIFETIME } });
    home = await newHome();
  });

  it('logs in with a device code that a person approves in a browser', async () => {
    const login = await logInWithDeviceCode(stack, { home, page: await browser.newPage() });
    expect(login).toMatchObject({ code: 0, stderr: expect.stringContaining('Successfully logged in') });

    const auth = await home.readAuth();
    accessToken = auth?.tokens?.access_token ?? '';
    expect(claimsOf(accessToken)).toMatchObject({ iss: stack.urls.auth, client_id: BUILT_IN_CLIENT });
    const idClaims = claimsOf(auth?.tokens?.id_token ?? '');
    expect(idClaims).toMatchObject({ iss: stack.urls.auth, email: stack.devUser.email });
    const { body: workspaces } = await api<{ id: string; role: string }[]>('/api/workspaces');
    workspaceId = workspaces[0]?.id ?? '';
    expect(workspaces).toEqual([expect.objectContaining({ role: 'owner' })]);
    expect(idClaims[OPENAI_AUTH]).toMatchObject({ chatgpt_account_id: workspaceId });
    expect(auth?.tokens?.account_id).toBe(workspaceId);
  });

  it('logs in through a browser, callback included, as the app-server starts it', async () => {
    const browserHome = await createCodexHome({ config: `chatgpt_base_url = "${stack.urls.auth}/backend-api"\n` });
    cleanup.after(() => browserHome.remove());
    const appServer = await startAppServer({
      home: browserHome,
      env: { CODEX_APP_SERVER_LOGIN_ISSUER: stack.urls.auth },
    });
    cleanup.after(() => appServer.process.stop());
    const local = await connectAppServer({ url: appServer.url });
    cleanup.after(() => local.close());
    await local.initialize();
    const { loginId, authUrl } = await local.request<{ loginId: string; authUrl: string }>('account/login/start', {
      type: 'chatgpt',
    });
    expect(authUrl).toMatch(`${stack.urls.auth}/oauth/authorize?`);
    const page = await browser.newPage();
    await page.goto(authUrl);
    await signIn(page, stack.devUser);
    await page.waitForURL(/\/success\?/);
    const completed = await local.waitForNotification<{ loginId: string; success: boolean; error: unknown }>(
      'account/login/completed',
      (params) => params.loginId === loginId,
    );
    expect(completed).toMatchObject({ success: true, error: null });
    const auth = await browserHome.readAuth();
    expect(claimsOf(auth?.tokens?.access_token ?? '')).toMatchObject({ iss: stack.urls.auth });
    expect(auth?.tokens?.account_id).toBe(workspaceId);
  });

  it('attaches an executor with the Agent Identity of a new connector', async () => {
    const made = await api<Connector>('/api/codex/connectors', {
      method: 'POST',
      json: { workspace_id: workspaceId, name: 'laptop', is_default: true },
    });
    expect(made.status).toBe(201);
    connector = made.body;
    executorHome = await newHome();
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
    await waitFor(async () => (await listConnectors())[0]?.is_online === true, {
      timeoutMs: 60_000,
      describe: () => `the executor is online: ${executor.output}`,
    });
    expect(await listConnectors()).toEqual([
      expect.objectContaining({ exe_id: connector.exe_id, name: 'laptop', is_default: true }),
    ]);
  });

  it('runs a command on the executor, and its output comes back to the client', async () => {
    const minted = await mintRemoteToken();
    expect(minted).toMatchObject({ status: 201, body: { token: expect.stringMatching(/^ast_/) } });
    remoteToken = minted.body.token;
    client = await connect(remoteToken);
    const turn = await runTurn(client, { text: 'say what you know', cwd: '/' });
    expect(turn).toMatchObject({ status: 'completed', environmentIds: ['remote'] });
    const command = turn.items.find(({ type }) => type === 'commandExecution');
    expect(command).toMatchObject({ exitCode: 0, aggregatedOutput: `marker=${MARKER}\n` });
    expect(turn.items.at(-1)?.text).toContain(MARKER);
  });

  it('closes the bridge of a revoked turn and refuses its capability token', async () => {
    const appServers = (await Promise.all(stack.replicas('app').map(({ pid }) => descendantsOf(pid)))).flat();
    const capability =
      appServers.map(({ environment }) => environment.get('CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN')).find(Boolean) ?? '';
    const asHarness = () => callApi(`${stack.urls.exec}/api/exec-gateway/connected`, { bearer: capability });
    const connectHarness = () =>
      callApi(`${stack.urls.exec}/cloud/environment/${connector.exe_id}/connect`, {
        method: 'POST',
        bearer: capability,
        json: { harness_public_key: { suite: 's', x25519_public_key: 'AA==', mlkem768_public_key: 'AA==' } },
      });
    const liveBridges = () => countLiveBridges(stack);
    expect((await asHarness()).status).toBe(200);
    expect(await liveBridges()).toBe(1);
    expect((await connectHarness()).status).toBe(200);

    const revoked = await callApi(`${stack.urls.exec}/api/exec-gateway/revoke-turn`, {
      method: 'POST',
      bearer: stack.secrets.execSharedSecret,
      json: { turn_id: claimsOf(capability).turn_id },
    });
    expect(revoked.status).toBe(204);
    await waitFor(async () => (await liveBridges()) === 0, {
      timeoutMs: 60_000,
      describe: () => `the bridge is closed:\n${lastWordsOf(stack)}`,
    });
    expect((await asHarness()).status).toBe(401);
    expect((await connectHarness()).status).toBe(401);
    const turn = await runTurn(client, { text: 'say it again', cwd: '/' });
    const outputs = turn.items.map((item) => `${item.aggregatedOutput ?? ''}${item.text ?? ''}`).join('\n');
    expect(outputs).not.toContain(MARKER);
    expect(outputs).toContain('it wrote');
    await client.close();
    client = await connect(remoteToken);
    const verifiedAgain = await runTurn(client, { text: 'say it at last', cwd: '/' });
    expect(verifiedAgain.items.map((item) => item.aggregatedOutput ?? '').join('\n')).toContain(MARKER);
    expect((await listConnectors())[0]?.is_online).toBe(true);
  });

  it('runs a turn over HTTP for the access token of the login, in a workspace of its user alone', async () => {
    const turn = (bearer: string, workspace: string) =>
      callApi<{ status: string; items: { aggregatedOutput?: string }[] }>(`${stack.urls.app}/api/turns`, {
        method: 'POST',
        bearer,
        // Sandboxed, so in a folder where no other executor of this machine has its sandboxes (docs/protocol.md).
        json: { input: 'say it over HTTP', workspace_id: workspace, cwd: executorHome.workFolder },
      });
    const done = await turn(accessToken, workspaceId);
    expect(done).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(done.body.items).toContainEqual(expect.objectContaining({ aggregatedOutput: `marker=${MARKER}\n` }));
    expect((await turn(accessToken, 'ws_somebody-else')).status).toBe(401);
    const [header, claims, signature = ''] = accessToken.split('.');
    const forged = `${header}.${claims}.${[...signature].reverse().join('')}`;
    expect((await turn(forged, workspaceId)).status).toBe(401);
  });

  it('answers a wrong, an expired and a revoked remote token with 401', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    const expiring = await mintRemoteToken({ expires_at: inAnHour });
    expect(expiring).toMatchObject({ status: 201, body: { expires_at: inAnHour } });
    expect((await connect(expiring.body.token)).notifications).toEqual([]);
    await letTokenExpire(stack, expiring.body.id);
    const wrong = `${remoteToken.slice(0, -1)}${remoteToken.endsWith('A') ? 'B' : 'A'}`;
    expect([await refusal(wrong), await refusal('ast_'), await refusal(accessToken)]).toEqual([401, 401, 401]);
    await waitFor(async () => (await refusal(expiring.body.token)) === 401, {
      timeoutMs: 60_000,
      describe: () => `the token expires:\n${lastWordsOf(stack)}`,
    });

    const { body: doomed } = await mintRemoteToken();
    expect((await connect(doomed.token)).notifications).toEqual([]);
    expect((await api(`/api/codex/tokens/${doomed.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await refusal(doomed.token)).toBe(401);
  });

  it('refreshes a login near its end through our token endpoint, and the new token is the one that works', async () => {
    const before = await home.readAuth();
    const { body: second } = await api<Connector>('/api/codex/connectors', {
      method: 'POST',
      json: { workspace_id: workspaceId, name: 'build machine' },
    });
    const loggedIn = await startCodex({
      args: ['exec-server', '--remote', stack.urls.exec, '--environment-id', second.exe_id],
      home,
    });
    cleanup.after(() => loggedIn.stop());
    await waitFor(async () => (await listConnectors()).some((one) => one.exe_id === second.exe_id && one.is_online), {
      timeoutMs: 60_000,
      describe: () => `the executor with a login is online: ${loggedIn.output}`,
    });
    const after = await home.readAuth();
    expect(after?.tokens?.refresh_token).not.toBe(before?.tokens?.refresh_token);
    expect(after?.tokens?.access_token).not.toBe(before?.tokens?.access_token);
    accessToken = after?.tokens?.access_token ?? '';
    expect((await api('/api/me')).body).toMatchObject({ email: stack.devUser.email });
    await loggedIn.stop();
  });

  it('logs out, which ends the login at the server', async () => {
    const auth = await home.readAuth();
    const logout = await runCodex({
      args: ['logout'],
      home,
      env: { CODEX_REVOKE_TOKEN_URL_OVERRIDE: `${stack.urls.auth}/oauth/revoke` },
    });
    expect(logout.code).toBe(0);
    expect(await home.readAuth()).toBeUndefined();
    const refresh = await callApi(`${stack.urls.auth}/oauth/token`, {
      method: 'POST',
      json: { grant_type: 'refresh_token', client_id: BUILT_IN_CLIENT, refresh_token: auth?.tokens?.refresh_token },
    });
    expect(refresh).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    expect((await api('/api/me')).status).toBe(401);
  });

  it('answers 503, not 401, while codex-auth is away', async () => {
    await stack.child('auth').stop();
    expect(await refusal(remoteToken)).toBe(503);
    await stack.child('auth').start();
    expect((await connect(remoteToken)).notifications).toEqual([]);
  });

  async function listConnectors() {
    const { body } = await api<{ exe_id: string; name: string; is_default: boolean; is_online: boolean }[]>(
      `/api/codex/connectors?workspace_id=${workspaceId}`,
    );
    return body;
  }
});
