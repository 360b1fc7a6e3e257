import { type Cleanup, createTestDatabase } from '@codex-gateways/testing';
import { capabilityToken } from '@codex-gateways/tokens';
import { Agentserver } from './agentserver.ts';
import { frame } from './frames.ts';
import { CAPTOKEN_SECRET, EXECUTOR_KEY, HARNESS_KEY, INTERNAL_SECRET, SHARED_SECRET } from './gateway.ts';
import { PATIENT_DEADLINES } from './patience.ts';
import { connect, type Peer } from './peer.ts';
import { ReplicaProcess } from './replica-process.ts';

const WORKSPACE = 'ws-1';

/** Replicas as processes over one database, and what executors, harnesses and operators ask of them. */
export interface ReplicaProcesses {
  readonly replicas: readonly ReplicaProcess[];
  readonly agentserver: Agentserver;
  newExecutor(): Promise<string>;
  /** Registers and gives the url of the executor's WebSocket at the replica that was asked. */
  executorUrl(exeId: string, at?: ReplicaProcess): Promise<string>;
  bridgeUrl(exeId: string, turnId: string, at?: ReplicaProcess): Promise<string>;
  connected(at?: ReplicaProcess): Promise<string[]>;
  /** A new executor, connected to that replica. */
  online(at: ReplicaProcess): Promise<OnlineExecutor>;
  /** A bridge at that replica with one stream, `stream-<turnId>`, through which a frame has gone. */
  bridge(to: OnlineExecutor, options: { at: ReplicaProcess; turnId: string }): Promise<Peer>;
}

export interface OnlineExecutor {
  readonly exeId: string;
  readonly executor: Peer;
}

/** @param options.databaseUrl - without it a database of their own */
export async function startReplicaProcesses(
  cleanup: Cleanup,
  {
    count = 1,
    databaseUrl,
    env = {},
  }: { count?: number; databaseUrl?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<ReplicaProcesses> {
  const agentserver = new Agentserver();
  await agentserver.start();
  cleanup.after(() => agentserver.stop());
  agentserver.knows('owner-token', 'user-owner');
  const variables = {
    ...PATIENT_DEADLINES,
    CXG_DATABASE_URL: databaseUrl ?? (await ownDatabase(cleanup)),
    CXG_CAPTOKEN_HMAC_SECRET: CAPTOKEN_SECRET,
    CXG_INTERNAL_SHARED_SECRET: SHARED_SECRET,
    CXG_AGENTSERVER_INTERNAL_URL: agentserver.url,
    CXG_AGENTSERVER_INTERNAL_SECRET: INTERNAL_SECRET,
    CXG_DRAIN_TIMEOUT: '0s',
    CXG_LOG_LEVEL: 'warn',
    ...env,
  };
  const replicas = await Promise.all(Array.from({ length: count }, () => ReplicaProcess.create(variables)));
  for (const replica of replicas) {
    cleanup.after(() => replica.stop());
    await replica.start();
  }
  return new Calls(replicas, agentserver);
}

async function ownDatabase(cleanup: Cleanup): Promise<string> {
  const database = await createTestDatabase();
  cleanup.after(() => database.drop());
  return database.url;
}

class Calls implements ReplicaProcesses {
  readonly replicas: readonly ReplicaProcess[];
  readonly agentserver: Agentserver;

  constructor(replicas: readonly ReplicaProcess[], agentserver: Agentserver) {
    this.replicas = replicas;
    this.agentserver = agentserver;
  }

  async newExecutor(): Promise<string> {
    const internal = { 'x-internal-secret': INTERNAL_SECRET, 'x-user-id': 'user-owner' };
    const body = { display_name: 'box' };
    const made = await this.#post<{ exe_id: string }>('/api/codex-exec/register', { headers: internal, body });
    const binding = { exe_id: made.exe_id };
    await this.#post(`/api/codex-exec/workspaces/${WORKSPACE}/executors`, { headers: internal, body: binding });
    return made.exe_id;
  }

  async executorUrl(exeId: string, at = this.#first): Promise<string> {
    const headers = { authorization: 'Bearer owner-token' };
    const body = { security_profile: 'noise_hybrid_ik_v1', executor_public_key: EXECUTOR_KEY };
    return (await this.#post<{ url: string }>(`/cloud/environment/${exeId}/register`, { headers, body, at })).url;
  }

  async bridgeUrl(exeId: string, turnId: string, at = this.#first): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { turn_id: turnId, workspace_id: WORKSPACE, iat, exp: iat + 3600 };
    const headers = { authorization: `Bearer ${capabilityToken.mint(claims, CAPTOKEN_SECRET)}` };
    const body = { harness_public_key: HARNESS_KEY };
    return (await this.#post<{ url: string }>(`/cloud/environment/${exeId}/connect`, { headers, body, at })).url;
  }

  async connected(at = this.#first): Promise<string[]> {
    const answer = await fetch(`${at.url}/api/exec-gateway/connected?workspace_id=${WORKSPACE}`, {
      headers: { authorization: `Bearer ${SHARED_SECRET}` },
    });
    const body = (await answer.json()) as { exe_id: string }[];
    if (!answer.ok) throw new Error(`connected answered ${answer.status}`);
    return body.map(({ exe_id }) => exe_id);
  }

  async online(at: ReplicaProcess): Promise<OnlineExecutor> {
    const exeId = await this.newExecutor();
    return { exeId, executor: await connect(await this.executorUrl(exeId, at)) };
  }

  async bridge(
    { exeId, executor }: OnlineExecutor,
    { at, turnId }: { at: ReplicaProcess; turnId: string },
  ): Promise<Peer> {
    const harness = await connect(await this.bridgeUrl(exeId, turnId, at));
    const seen = executor.frames.length;
    harness.send(frame('resume', `stream-${turnId}`));
    await executor.receive(seen + 1);
    return harness;
  }

  get #first(): ReplicaProcess {
    return this.replicas[0] as ReplicaProcess;
  }

  async #post<Body>(
    path: string,
    { headers, body, at = this.#first }: { headers: Record<string, string>; body: unknown; at?: ReplicaProcess },
  ): Promise<Body> {
    const answer = await fetch(`${at.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as Body;
  }
}
