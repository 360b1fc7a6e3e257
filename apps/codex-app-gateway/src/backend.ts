import { join } from 'node:path';
import {
  type CallObserver,
  type Clock,
  createInternalClient,
  type InternalClient,
  type Logger,
} from '@codex-gateways/service';
import { request } from 'undici';
import type { AppServerSource } from './app-server/app-server.ts';
import { admitAccount } from './app-server/app-server-account.ts';
import { AppServerPool } from './app-server/app-server-pool.ts';
import { httpBaseOf } from './app-server/child-environment.ts';
import { programPath, resolveCodexBinary } from './app-server/codex-binary.ts';
import { createDialledAppServer } from './app-server/dialled-app-server.ts';
import { generationOf } from './app-server/generation.ts';
import { StateFolder } from './app-server/state-folder.ts';
import type { AppServerObserver } from './app-server/workspace-app-server.ts';
import type { Config, LaunchConfig } from './config.ts';
import type { ExecutorObserver } from './gateway-metrics.ts';
import { ExecutorLinks } from './registry/executor-links.ts';
import { Registry } from './registry/registry.ts';
import { gatewayName } from './replicas/gateway-name.ts';
import { HomeRecord } from './replicas/home-record.ts';
import { LeasedHomes, SOLE_HOME } from './replicas/homes.ts';
import { Revoker } from './turns/revoker.ts';
import { TurnJournal } from './turns/turn-journal.ts';
import { Turns } from './turns/turns.ts';

export interface BackendDeps {
  readonly observer: AppServerObserver & ExecutorObserver;
  readonly calls: CallObserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** `PATH` of this process. */
  readonly path: string;
}

/** Everything behind the proxy: where app-servers come from. */
export interface Backend {
  readonly appServers: AppServerSource;
  /** Absent for a gateway without replicas. */
  readonly replica?: { readonly name: string; readonly hopSecret: string };
  appServerCount(): number;
  pendingRevocations(): number;
  /** Rejects when the exec-gateway is needed and away. */
  checkExecGateway(): Promise<void>;
  /** Stops the app-servers and revokes their turns, as far as that succeeds in time; the rest is kept for the next start. */
  close(timeoutMs: number): Promise<void>;
}

/** @throws {ConfigError} in words for the operator, when the configuration cannot be put to work */
export async function startBackend(config: Config['backend'], deps: BackendDeps): Promise<Backend> {
  return config.kind === 'dial' ? dialBackend(config, deps) : launchBackend(config, deps);
}

function dialBackend(config: Extract<Config['backend'], { kind: 'dial' }>, { log }: BackendDeps): Backend {
  const appServers = createDialledAppServer(config, log);
  return {
    appServers,
    appServerCount: () => 0,
    pendingRevocations: () => 0,
    checkExecGateway: async () => undefined,
    close: () => appServers.close(),
  };
}

async function launchBackend(
  config: LaunchConfig,
  { observer, calls, clock, log, path }: BackendDeps,
): Promise<Backend> {
  const program = await resolveCodexBinary(config.codexBinary, path);
  const state = new StateFolder(config.stateDir, log);
  await state.open();
  const { account, stateDir } = config;
  const programsAt = await programPath(program, { path, emptyFolder: state.emptyFolder });
  if (account) await admitAccount(stateDir, { account, program, emptyFolder: state.emptyFolder });
  const { generation, version } = await generationOf(program, { stateDir, path: programsAt, account });
  if (version === undefined) log.warn('the Codex CLI does not say which version it is; it is taken for a current one');
  else log.info({ version, generation }, 'Codex CLI');
  const execGateway = createInternalClient({
    baseUrl: config.execGatewayInternalUrl,
    headers: { authorization: `Bearer ${config.execGatewayInternalSecret}` },
    peer: 'codex-exec-gateway',
    observer: calls,
  });
  const journal = new TurnJournal(join(config.stateDir, 'turns.json'));
  const revoker = new Revoker({ execGateway, journal, clock, log });
  const turns = new Turns({
    execGateway,
    journal,
    revoker,
    clock,
    secret: config.capabilitySecret,
    lifetimeSeconds: config.capabilityLifetimeSeconds,
  });
  await turns.open();
  const registry = new Registry(log);
  await registry.start();
  // Not the internal address: what the exec-gateway answers is for the app-server.
  const harnessSide = createInternalClient({
    baseUrl: httpBaseOf(config.execGatewayUrl),
    peer: 'codex-exec-gateway',
    observer: calls,
  });
  const links = new ExecutorLinks({
    ...{ registry, turns, observer, log, generation },
    execGateway: harnessSide,
    execGatewayUrl: config.execGatewayUrl,
  });
  const replica = await joinReplicas(config, { execGateway, log, onLost: (id) => void appServers.stop(id, MOVED) });
  const appServers: AppServerPool = new AppServerPool({
    program,
    path: programsAt,
    config,
    state,
    turns,
    links,
    homes: replica?.homes ?? SOLE_HOME,
    observer,
    log,
  });
  return {
    appServers,
    ...(replica ? { replica: { name: replica.name, hopSecret: config.capabilitySecret } } : {}),
    appServerCount: () => appServers.size,
    pendingRevocations: () => revoker.pendingCount,
    checkExecGateway: () => isUp(config.execGatewayInternalUrl),
    async close(timeoutMs) {
      const deadlineMs = performance.now() + timeoutMs;
      await appServers.close();
      await replica?.homes.close();
      await turns.close(Math.max(0, deadlineMs - performance.now()));
      await registry.close();
      await Promise.all([execGateway.close(), harnessSide.close()]);
      await state.close();
    },
  };
}

const MOVED = 'another gateway has this workspace now; connect again';

async function joinReplicas(
  { replica, stateDir }: LaunchConfig,
  { execGateway, log, onLost }: { execGateway: InternalClient; log: Logger; onLost: (workspaceId: string) => void },
): Promise<{ name: string; homes: LeasedHomes } | undefined> {
  if (!replica) return undefined;
  const name = await gatewayName(join(stateDir, 'gateway.id'));
  const record = new HomeRecord(execGateway, { name, url: replica.selfUrl, leaseSeconds: replica.leaseSeconds });
  const homes = new LeasedHomes({ record, renewalMs: replica.leaseRenewalMs, onLost, log });
  await homes.start();
  return { name, homes };
}

const PROBE_TIMEOUT_MS = 2000;

async function isUp(baseUrl: string): Promise<void> {
  const answer = await request(`${baseUrl}/healthz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  await answer.body.dump();
  if (answer.statusCode >= 500) throw new Error(`it answered ${answer.statusCode}`);
}
