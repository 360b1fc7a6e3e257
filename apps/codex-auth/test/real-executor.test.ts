import {
  createCodexHome,
  freePort,
  type RunningProcess,
  startCodex,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { exitOf } from './codex-cli.ts';
import { ExecGatewayDouble } from './exec-gateway-double.ts';
import { ExecutorRegistryDouble } from './executor-registry-double.ts';
import { type Person, useWorld } from './use-world.ts';

const ISSUER_PATH = '/codex-auth';
const REGISTERED_TIMEOUT_MS = 100_000;
/** npm installs an older CLI when it is first asked for. */
const OLDER_CLI_TIMEOUT_MS = 300_000;

interface AddedConnector {
  readonly exe_id: string;
  readonly environment: Record<string, string>;
  readonly command: string;
}

describe('the executor of the real Codex CLI, with the identity of a new connector', () => {
  const cleanup = useCleanup();
  let gateway: ExecGatewayDouble;
  const world = useWorld(async () => {
    gateway = await ExecGatewayDouble.start();
    cleanup.after(() => gateway.close());
    const port = await freePort();
    return {
      CODEX_AUTH_PORT: String(port),
      CODEX_AUTH_ISSUER_URL: `http://127.0.0.1:${port}${ISSUER_PATH}`,
      CXG_EXEC_GATEWAY_INTERNAL_URL: `http://127.0.0.1:${gateway.port}`,
    };
  });
  let person: Person;
  let workspaceId: string;
  let registry: ExecutorRegistryDouble;
  let executor: RunningProcess | undefined;

  beforeEach(async () => {
    registry = gateway.registry = new ExecutorRegistryDouble(world);
    person = await world.addPerson();
    workspaceId = await world.addWorkspace([{ person, role: 'member' }]);
  });

  afterEach(async () => {
    await executor?.stop();
  });

  async function addConnector(): Promise<AddedConnector> {
    const added = await world.call(person, 'POST', '/api/codex/connectors', {
      workspace_id: workspaceId,
      name: 'laptop',
    });
    expect(added.status).toBe(201);
    return added.body;
  }
  async function start(options: { args: string[]; env: Record<string, string>; version?: string }) {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    executor = await startCodex({ ...options, home });
    return executor;
  }
  /** What the connector shows, done by hand: its variables exported, its command run. */
  const startAsShown = ({ command, environment }: AddedConnector) =>
    start({ args: command.split(' ').slice(1), env: environment });
  const registered = (count: number) =>
    waitFor(() => (registry.registrations.length >= count ? registry.registrations.slice(0, count) : undefined), {
      timeoutMs: REGISTERED_TIMEOUT_MS,
      describe: () => `registration ${count} of the executor: ${executor?.output}`,
    });
  const claimsOf = (authorization: string) =>
    JSON.parse(Buffer.from(authorization.replace('AgentAssertion ', ''), 'base64url').toString());

  it('registers with an assertion that validates for the person and the workspace', async () => {
    const connector = await addConnector();
    expect(connector.environment.CODEX_AGENT_IDENTITY_JWKS_BASE_URL).toMatch(/:\d+\/codex-auth$/); // an issuer with a path
    await startAsShown(connector);
    const [registration] = await registered(1);
    expect(registration).toMatchObject({
      path: `/cloud/environment/${connector.exe_id}/register`,
      accountId: workspaceId,
      validation: { status: 200, body: { user_id: person.id } },
    });
  });

  it('keeps its task when it registers again, and signs the time of each registration', async () => {
    const startedAtMs = Date.now();
    registry.refusals.push(401, 401);
    await startAsShown(await addConnector());
    const registrations = await registered(3);
    const claims = registrations.map(({ authorization }) => claimsOf(authorization));
    expect(new Set(claims.map(({ task_id }) => task_id)).size).toBe(1);
    expect(registry.registrations.map(({ validation }) => validation.status)).toEqual([200, 200, 200]);
    // In whole seconds: not before the one before it had come, and not after it came itself.
    const cameAt = registrations.map(({ receivedAt }) => receivedAt.getTime());
    const signedAt = claims.map(({ timestamp }) => Date.parse(timestamp));
    for (const [index, atMs] of signedAt.entries()) {
      expect(atMs).toBeGreaterThan((cameAt[index - 1] ?? startedAtMs) - 1000);
      expect(atMs).toBeLessThanOrEqual(cameAt[index] ?? 0);
    }
  });

  it('does not start after its connector was removed', async () => {
    const connector = await addConnector();
    await world.call(person, 'DELETE', `/api/codex/connectors/${connector.exe_id}`);
    const { code, stderr } = await exitOf(await startAsShown(connector));
    expect(code).toBe(1);
    expect(stderr).toContain('Agent Identity authentication is unavailable');
    expect(registry.registrations).toEqual([]);
  });

  it('ends at its next registration when its connector is removed while it runs', async () => {
    const connector = await addConnector();
    const running = await startAsShown(connector);
    await registered(1);
    await world.call(person, 'DELETE', `/api/codex/connectors/${connector.exe_id}`);
    registry.refusals.push(401);
    const { code, stderr } = await exitOf(running);
    expect(code).toBe(1);
    expect(stderr).toContain('these credentials are not accepted');
  });

  it(
    'registers as 0.140, which finds the keys and the task endpoint below chatgpt_base_url',
    async () => {
      const { exe_id: exeId, environment } = await addConnector();
      const { CODEX_ACCESS_TOKEN = '', CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: issuer = '' } = environment;
      await start({
        version: '0.140.0',
        args: [
          ...['-c', `chatgpt_base_url="${issuer}/backend-api"`],
          ...[
            'exec-server',
            '--remote',
            `http://127.0.0.1:${gateway.port}`,
            '--environment-id',
            exeId,
            '--use-agent-identity-auth',
          ],
        ],
        env: { CODEX_ACCESS_TOKEN, CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: issuer },
      });
      const [registration] = await registered(1);
      expect(registration).toMatchObject({
        path: `/cloud/environment/${exeId}/register`,
        accountId: workspaceId,
        validation: { status: 200, body: { user_id: person.id } },
      });
    },
    OLDER_CLI_TIMEOUT_MS,
  );
});
