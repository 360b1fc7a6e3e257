import {
  type Cleanup,
  createTestDatabase,
  freePort,
  type ProcessExit,
  type RunningProcess,
  type TurnItem,
  waitFor,
} from '@codex-gateways/testing';
import { PATIENCE_MS, PATIENT_EXEC_GATEWAY } from './patience.ts';
import { runSource } from './run-source.ts';
import { CAPABILITY_SECRET, GATEWAY_SECRETS, OWN_CONNECTION, type World } from './world.ts';

/** The real codex-exec-gateway, as a process of its own over a database of its own. */
export interface ExecGatewayProcess {
  readonly url: string;
  readonly databaseUrl: string;
  readonly process: RunningProcess;
}

/** Of every executor here, whatever bearer it registers with. */
const EXECUTOR_OWNER = 'owner-of-executors';
const [AGENTSERVER_SECRET = '', SHARED_SECRET = ''] = GATEWAY_SECRETS;

export async function startExecGateway(
  cleanup: Cleanup,
  world: Pick<World, 'agentserver'>,
): Promise<ExecGatewayProcess> {
  const { answer } = world.agentserver;
  world.agentserver.answer = (request) =>
    request.path === '/internal/codex-auth/validate'
      ? { status: 200, body: { user_id: EXECUTOR_OWNER } }
      : answer(request);
  const database = await createTestDatabase();
  cleanup.after(() => database.drop());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = runSource('../codex-exec-gateway/src/main.ts', {
    CXG_PORT: String(port),
    CXG_DATABASE_URL: database.url,
    CXG_CAPTOKEN_HMAC_SECRET: CAPABILITY_SECRET,
    CXG_INTERNAL_SHARED_SECRET: SHARED_SECRET,
    CXG_AGENTSERVER_INTERNAL_URL: world.agentserver.url,
    CXG_AGENTSERVER_INTERNAL_SECRET: AGENTSERVER_SECRET,
    ...PATIENT_EXEC_GATEWAY,
  });
  cleanup.after(() => started.stop());
  await isReady(url, started);
  return { url, databaseUrl: database.url, process: started };
}

/** Waits until a service says that it is ready. */
export async function isReady(url: string, running: Pick<RunningProcess, 'output' | 'exited'>): Promise<void> {
  let exit: ProcessExit | undefined;
  void running.exited.then((how) => {
    exit = how;
  });
  const ready = async () => {
    if (exit) throw new Error(`${url} ended with ${exit.signal ?? exit.code}: ${running.output}`);
    return (await fetch(`${url}/readyz`, { headers: OWN_CONNECTION }).catch(() => undefined))?.ok;
  };
  await waitFor(ready, { timeoutMs: PATIENCE_MS, describe: () => `${url} to be ready: ${running.output}` });
}

/** What operates a workspace's executors there, as codex-auth does. */
async function manageExecutors(
  { url }: Pick<ExecGatewayProcess, 'url'>,
  { method, path, body }: { method: string; path: string; body?: object },
): Promise<Record<string, string>> {
  const answer = await fetch(`${url}/api/codex-exec${path}`, {
    method,
    headers: {
      ...OWN_CONNECTION,
      'x-internal-secret': AGENTSERVER_SECRET,
      'x-user-id': EXECUTOR_OWNER,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
  const text = await answer.text();
  return text === '' ? {} : (JSON.parse(text) as Record<string, string>);
}

/** The settings by which an app-gateway uses it. */
export function viaExecGateway({ url }: Pick<ExecGatewayProcess, 'url'>): Record<string, string> {
  return { CXG_EXEC_GATEWAY_URL: url.replace('http', 'ws'), CXG_EXEC_GATEWAY_INTERNAL_URL: url };
}

/** A new executor, which is bound to nothing yet. @returns its id */
export async function registerExecutor(gateway: Pick<ExecGatewayProcess, 'url'>, name: string): Promise<string> {
  const { exe_id: exeId = '' } = await manageExecutors(gateway, {
    method: 'POST',
    path: '/register',
    body: { display_name: name },
  });
  return exeId;
}

/** Binds an executor to the workspace of the tests. */
export async function bindExecutor(
  gateway: Pick<ExecGatewayProcess, 'url'>,
  exeId: string,
  { name, isDefault }: { name: string; isDefault: boolean },
): Promise<void> {
  const body = { exe_id: exeId, name, is_default: isDefault };
  await manageExecutors(gateway, { method: 'POST', path: '/workspaces/ws-1/executors', body });
}

/** As whoever has the shared secret may do it. */
export async function revokeTurn({ url }: Pick<ExecGatewayProcess, 'url'>, turnId: string): Promise<void> {
  const answer = await fetch(`${url}/api/exec-gateway/revoke-turn`, {
    method: 'POST',
    headers: { ...OWN_CONNECTION, authorization: `Bearer ${SHARED_SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify({ turn_id: turnId }),
  });
  if (!answer.ok) throw new Error(`the revocation was answered ${answer.status}: ${await answer.text()}`);
}

/**
 * Ends the lease of a gateway that does not go on any more, one second from now: so a test need not give a short one to gateways that do go
 * on, and may only be slow.
 */
export async function leaseEndsSoon(
  { url }: Pick<ExecGatewayProcess, 'url'>,
  gateway: { readonly name: string; readonly url: string; readonly workspaceId: string },
): Promise<void> {
  const answer = await fetch(`${url}/api/exec-gateway/app-server-homes/renew`, {
    method: 'POST',
    headers: { ...OWN_CONNECTION, authorization: `Bearer ${SHARED_SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      gateway_name: gateway.name,
      gateway_url: gateway.url,
      lease_seconds: 1,
      held: [{ workspace_id: gateway.workspaceId, epoch: 1 }],
    }),
  });
  const text = await answer.text();
  if (text !== '{"lost":[]}') throw new Error(`the lease was answered ${answer.status}: ${text}`);
}

/** What commands wrote and the model said in a turn. */
export function outputOf(items: readonly TurnItem[]): string {
  return items.map((item) => item.aggregatedOutput ?? item.text ?? '').join('\n');
}
