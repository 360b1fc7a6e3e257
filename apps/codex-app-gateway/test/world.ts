import { join } from 'node:path';
import { createLogger } from '@codex-gateways/service';
import {
  type AppServerClient,
  type Cleanup,
  connectAppServer,
  createCodexHome,
  waitFor,
} from '@codex-gateways/testing';
import { type AppGateway, createAppGateway, readConfig } from '../src/index.ts';
import { PATIENCE_MS, PATIENT_DEADLINES } from './patience.ts';
import { type StandIn, startStandIn } from './stand-in.ts';

/** What the stand-in of the exec-gateway lists. */
export interface ListedExecutor {
  exe_id: string;
  name: string;
  is_default: boolean;
  is_online: boolean;
}

/**
 * The services around a gateway, and gateways among them. Whoever shows `ast_<workspace>` is that workspace's user.
 */
export interface World {
  readonly agentserver: StandIn;
  readonly execGateway: StandIn;
  /** By workspace; those that are not listed have none. */
  readonly executors: Map<string, ListedExecutor[]>;
  readonly stateDir: string;
  /** What the gateways here have logged, at the finest level. */
  readonly logLines: readonly string[];
  /** The whole environment of a gateway here. */
  env(overrides?: Readonly<Record<string, string>>): Record<string, string>;
  start(overrides?: Readonly<Record<string, string>>): Promise<AppGateway>;
  /** How many tokens were verified so far. */
  verifications(): number;
  /** Turns that were revoked so far. */
  revokedTurns(): string[];
}

const VALIDATE_PATH = '/internal/codex-auth/validate';
const VERIFY_PATH = '/api/internal/codex/tokens/verify';
export const CAPABILITY_SECRET = 'capability-token-hmac-secret';
const SECRETS = {
  CXG_AGENTSERVER_INTERNAL_SECRET: 'agentserver-internal-secret',
  CXG_EXEC_GATEWAY_INTERNAL_SECRET: 'exec-gateway-shared-secret',
  CXG_CAPTOKEN_HMAC_SECRET: CAPABILITY_SECRET,
};
/** Every secret of a gateway here: none of them may get any further. */
export const GATEWAY_SECRETS: readonly string[] = Object.values(SECRETS);

export async function createWorld(cleanup: Cleanup): Promise<World> {
  const executors = new Map<string, ListedExecutor[]>();
  const [home, agentserver, execGateway] = await Promise.all([
    createCodexHome(),
    startStandIn(verifyToken),
    startStandIn((request) => answerExecGateway(request, executors)),
  ]);
  cleanup.after(() => home.remove());
  cleanup.after(() => agentserver.close());
  cleanup.after(() => execGateway.close());
  const stateDir = join(home.path, 'state');
  const logLines: string[] = [];
  const env: World['env'] = (overrides = {}) => ({
    CXG_APP_PORT: '0',
    CXG_AGENTSERVER_INTERNAL_URL: agentserver.url,
    CXG_EXEC_GATEWAY_URL: execGateway.url.replace('http', 'ws'),
    CXG_EXEC_GATEWAY_INTERNAL_URL: execGateway.url,
    CXG_STATE_DIR: stateDir,
    CXG_MODEL: 'scripted',
    ...SECRETS,
    ...PATIENT_DEADLINES,
    ...overrides,
  });
  return {
    agentserver,
    execGateway,
    executors,
    stateDir,
    logLines,
    env,
    async start(overrides) {
      const log = createLogger({ service: 'test', level: 'trace' }, { write: (line) => logLines.push(line) });
      const gateway = createAppGateway(readConfig(env(overrides)), { log, path: '/usr/bin:/bin' });
      cleanup.after(() => gateway.close());
      await gateway.start();
      return gateway;
    },
    verifications: () => agentserver.requests.filter(({ path }) => path === VERIFY_PATH).length,
    revokedTurns: () =>
      execGateway.requests
        .filter(({ path }) => path === '/api/exec-gateway/revoke-turn')
        .map(({ body }) => (body as { turn_id: string }).turn_id),
  };
}

/** A client of a workspace, with a token that is valid. */
export async function connect(gateway: Pick<AppGateway, 'url'>, workspaceId = 'ws-1'): Promise<AppServerClient> {
  return connectAppServer({ url: wsUrl(gateway), bearer: `ast_${workspaceId}`, timeoutMs: PATIENCE_MS });
}

/** As `connect`, again and again until it is let in. @param onRefusal - called with each error before that */
export async function connectAtLast(
  gateway: Pick<AppGateway, 'url'>,
  workspaceId?: string,
  onRefusal: (error: unknown) => void = () => undefined,
): Promise<AppServerClient> {
  let last: unknown;
  const attempt = () =>
    connect(gateway, workspaceId).catch((error: unknown) => {
      last = error;
      onRefusal(error);
      return undefined;
    });
  return waitFor(attempt, {
    timeoutMs: PATIENCE_MS,
    describe: () => `a client to be let in: ${last}`,
    intervalMs: 100,
  });
}

export function wsUrl({ url }: Pick<AppGateway, 'url'>): string {
  return url.replace('http', 'ws');
}

/** Of a call by `fetch` to another process: a kept connection may be closed there while this process stands still. */
export const OWN_CONNECTION = { connection: 'close' } as const;

/** The page of a gateway at a path, such as `/metrics`. */
export async function get({ url }: Pick<AppGateway, 'url'>, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${url}${path}`, { headers: OWN_CONNECTION });
  return { status: answer.status, text: await answer.text() };
}

/** One that tells nothing and keeps no list of who is connected, as an agentserver may. */
const verifyToken: StandIn['answer'] = ({ path, body, headers }) => {
  if (path === VALIDATE_PATH) return validateToken(body as Record<string, string | undefined>);
  if (path !== VERIFY_PATH) return { status: 404, body: { error: 'not_found' } };
  const [, workspace] = /^ast_(.*)$/.exec((body as { token: string }).token) ?? [];
  if (headers['x-internal-secret'] !== SECRETS.CXG_AGENTSERVER_INTERNAL_SECRET || !workspace) {
    return { status: 401, body: { error: 'invalid_token' } };
  }
  return { status: 200, body: { user_id: `user-of-${workspace}`, workspace_id: workspace } };
};

/** Whoever shows `of.<user>.in-<workspace>` is that user, and a member of that workspace and no other; none may be named. */
const validateToken = ({
  token = '',
  account_id: workspace,
}: Record<string, string | undefined>): { status: number; body: object } => {
  const [, user, own] = /^of\.(\w+)\.in-([\w-]+)$/.exec(token) ?? [];
  if (!user || (workspace ?? own) !== own) return { status: 401, body: { error: 'invalid_token' } };
  return { status: 200, body: { user_id: user } };
};

const answerExecGateway = (
  { path, headers }: Parameters<StandIn['answer']>[0],
  executors: ReadonlyMap<string, ListedExecutor[]>,
): ReturnType<StandIn['answer']> => {
  const url = new URL(path, 'http://stand-in');
  // 404 rather than 503, which the CLI asks again for half a minute.
  if (url.pathname.startsWith('/cloud/'))
    return { status: 404, body: { error: { code: 'offline', message: 'offline' } } };
  if (headers.authorization !== `Bearer ${SECRETS.CXG_EXEC_GATEWAY_INTERNAL_SECRET}`) return { status: 401, body: {} };
  if (url.pathname === '/api/exec-gateway/revoke-turn') return { status: 204 };
  return { status: 200, body: executors.get(url.searchParams.get('workspace_id') ?? '') ?? [] };
};
