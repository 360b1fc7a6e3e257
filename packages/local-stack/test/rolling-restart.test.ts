import { createPool, type Pool } from '@codex-gateways/database';
import {
  createCodexHome,
  describeWith,
  type RunningProcess,
  startCodex,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { orderRestart } from '../src/control.ts';
import { type LocalStack, parseReplicas } from '../src/index.ts';
import { callApi } from './api.ts';
import { CLIENT_ID, LoginTraffic, logIn, openSession } from './traffic/logins.ts';
import { RevocationTraffic } from './traffic/revocations.ts';
import { SessionTraffic } from './traffic/session.ts';
import { lastWordsOf, newStateDirectory, STACK_REPLICAS, startMarkerModel, startTestStack } from './use-local-stack.ts';

const MARKER = 'through-every-restart';
const BACK_WITHIN_MS = 120_000;
/** How often each service is restarted; `npm run test:faults` does it more often. */
const ROUNDS = Number(process.env.ROLLING_ROUNDS ?? 1);
const IS_LONG = process.env.ROLLING_ROUNDS !== undefined;
const PEOPLE = IS_LONG ? 4 : 2;

interface Connector {
  readonly exe_id: string;
  readonly environment: Record<string, string>;
}

interface Executor {
  readonly exeId: string;
  readonly version: string;
  readonly process: RunningProcess;
}

describeWith('haproxy')('replicas behind a balancer, under traffic', () => {
  const cleanup = useCleanup();
  let stateDirectory: string;
  let stack: LocalStack;
  let db: Pool;
  let cookie: string;
  let accessToken: string;
  let workspaceId: string;
  const executors: Executor[] = [];
  const ended: string[] = [];

  const api = <Body>(path: string, options: Parameters<typeof callApi>[1] = {}) =>
    callApi<Body>(`${stack.urls.auth}${path}`, { bearer: accessToken, ...options });
  const connect = async (name: string, isDefault: boolean) => {
    const json = { workspace_id: workspaceId, name, is_default: isDefault };
    return (await api<Connector>('/api/codex/connectors', { method: 'POST', json })).body;
  };
  const offline = async () => {
    const { body } = await api<{ exe_id: string; is_online: boolean }[]>(
      `/api/codex/connectors?workspace_id=${workspaceId}`,
    );
    return executors.filter(({ exeId }) => !body.some((one) => one.exe_id === exeId && one.is_online));
  };
  const allOnline = () =>
    waitFor(async () => (await offline()).length === 0, {
      timeoutMs: BACK_WITHIN_MS,
      describe: () => `every executor is online: ${executors.map(({ process }) => process.output)}; ended: ${ended}`,
    });

  async function startExecutor(version: string, generationArguments: readonly string[]): Promise<void> {
    const connector = await connect(`CLI ${version}`, executors.length === 0);
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    const process = await startCodex({
      args: [
        ...['exec-server', '--remote', stack.urls.exec, '--environment-id', connector.exe_id],
        ...['--use-agent-identity-auth', ...generationArguments],
      ],
      version,
      env: { ...connector.environment, EXECUTOR_MARKER: MARKER },
      home,
    });
    cleanup.after(() => process.stop());
    process.exited.then(({ stderr }) => ended.push(`${version}: ${stderr}`)).catch((error) => ended.push(`${error}`));
    executors.push({ exeId: connector.exe_id, version, process });
  }

  beforeAll(async () => {
    const model = await startMarkerModel(cleanup);
    const replicas = STACK_REPLICAS ?? parseReplicas('auth=2,exec=2,app=2');
    // As long as an orchestrator gives them in the long form; the short one shows the same sooner.
    const env = { ...model, ...(IS_LONG ? {} : { CXG_DRAIN_TIMEOUT: '2s' }) };
    stateDirectory = await newStateDirectory(cleanup);
    stack = await startTestStack(cleanup, { stateDirectory, env, replicas });
    db = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', maxConnections: 2 });
    cleanup.after(() => db.end());
    cookie = await openSession(db);
    accessToken = (await logIn(stack.urls.auth, cookie)).access_token;
    workspaceId = (await api<{ id: string }[]>('/api/workspaces')).body[0]?.id ?? '';
    await startExecutor('0.169.0', []);
    await startExecutor('0.140.0', ['-c', `chatgpt_base_url="${stack.urls.auth}/backend-api"`]);
    await allOnline();
  });

  it('are told by the balancer who the caller is, whatever the caller says', async () => {
    const said = { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'evil.example' };
    const wrong = { ...said, forwarded: 'for=192.0.2.7;proto=https' };
    const login = await fetch(`${stack.urls.auth}/login`, { headers: wrong });
    expect(login.headers.get('set-cookie')).not.toMatch(/secure/i);
    const begun = await fetch(`${stack.urls.auth}/api/accounts/deviceauth/usercode`, {
      method: 'POST',
      headers: { ...wrong, 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: CLIENT_ID }),
    });
    expect(begun.status).toBe(200);
    const { rows } = await db.query('select key from codex_auth.rate_limits');
    const keys = rows.map(({ key }) => String(key)).join('\n');
    expect(keys).toContain('127.0.0.1');
    expect(keys).not.toContain('192.0.2.7');
  });

  it('lose no login, no executor and no accepted revocation when each is restarted in its turn', async () => {
    const json = { workspace_id: workspaceId, name: 'terminal' };
    const { body: remote } = await api<{ token: string }>('/api/codex/tokens', { method: 'POST', json });
    const people = new LoginTraffic(stack.urls.auth, { cookie, people: PEOPLE });
    const revocations = new RevocationTraffic(stack, workspaceId);
    const session = new SessionTraffic(stack.urls.app, { bearer: remote.token, marker: MARKER });
    await waitFor(() => session.turns.done > 0, {
      timeoutMs: 60_000,
      describe: () => `a turn is done:\n${lastWordsOf(stack)}`,
    });
    const restarted: string[] = [];
    const { signal } = new AbortController();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of ['auth', 'exec', 'app'] as const) {
        const pids = stack.replicas(name).map(({ pid }) => pid);
        // As `npm run stack -- --restart` does it, from another process.
        await orderRestart(stateDirectory, name, { onLine: (line) => restarted.push(line), signal });
        expect(stack.replicas(name).filter(({ pid }) => pids.includes(pid))).toEqual([]);
        await allOnline();
      }
    }
    const doneBefore = session.turns.done;
    await waitFor(() => session.turns.done > doneBefore, {
      timeoutMs: 60_000,
      describe: () => `the session works on:\n${lastWordsOf(stack)}`,
    });
    await Promise.all([people.end(), revocations.end(), session.end()]);
    const { logins, refreshes } = people;
    const { connections, refusedConnections, longestGapMs, turns } = session;
    const numbers = { logins, refreshes, revocations: revocations.accepted, connections, refusedConnections };
    process.stderr.write(`${JSON.stringify({ ...numbers, turns, longestGapMs: Math.round(longestGapMs) })}\n`);
    expect(restarted).toContainEqual(expect.stringMatching(/^codex-exec-gateway-2 restarted in \d+\.\d s$/));
    expect(people.lost).toEqual([]);
    expect(logins).toBeGreaterThan(10);
    expect(ended).toEqual([]);
    expect(revocations.refused).toEqual([]);
    expect(revocations.accepted).toBeGreaterThan(10);
    expect(await revocations.honoured()).toEqual([]);
  }, 600_000);
});
