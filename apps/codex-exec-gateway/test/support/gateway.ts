import { createPool, type Pool } from '@codex-gateways/database';
import { createLogger } from '@codex-gateways/service';
import { useCleanup, useTestDatabase } from '@codex-gateways/testing';
import { capabilityToken, type NoisePublicKey } from '@codex-gateways/tokens';
import { readConfig } from '../../src/config.ts';
import { createExecGateway, type ExecGateway } from '../../src/service.ts';
import { Agentserver } from './agentserver.ts';
import { MovableClock } from './movable-clock.ts';
import { PATIENT_DEADLINES } from './patience.ts';
import { connect, type Peer } from './peer.ts';

export const CAPTOKEN_SECRET = 'capability-secret-of-the-tests';
export const SHARED_SECRET = 'shared-secret-of-the-tests';
export const INTERNAL_SECRET = 'internal-secret-of-the-tests';

export const EXECUTOR_KEY: NoisePublicKey = {
  suite: 'Noise_hybridIK_X25519+MLKEM768_AESGCM_SHA256',
  x25519_public_key: Buffer.alloc(32, 1).toString('base64'),
  mlkem768_public_key: Buffer.alloc(1184, 2).toString('base64'),
};
export const HARNESS_KEY: NoisePublicKey = {
  suite: 'Noise_hybridIK_X25519+MLKEM768_AESGCM_SHA256',
  x25519_public_key: Buffer.alloc(32, 3).toString('base64'),
  mlkem768_public_key: Buffer.alloc(1184, 4).toString('base64'),
};

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Registered {
  readonly exeId: string;
  readonly url: string;
  readonly ticket: string;
  readonly registrationId: string;
}

/** A gateway on a port of its own, its database, and what stands for codex-auth. */
export class TestGateway {
  readonly clock = new MovableClock();
  readonly agentserver = new Agentserver();
  readonly logLines: string[] = [];
  readonly #variables: Readonly<Record<string, string>>;
  readonly #databaseUrl: () => string;
  readonly #hostName: string | undefined;
  #gateway: ExecGateway | undefined;
  #pool: Pool | undefined;

  /** @param hostName - as if it ran on that host */
  constructor(databaseUrl: () => string, variables: Readonly<Record<string, string>>, hostName?: string) {
    this.#databaseUrl = databaseUrl;
    this.#variables = variables;
    this.#hostName = hostName;
  }

  get url(): string {
    return this.#running.url;
  }

  get wsUrl(): string {
    return this.url.replace('http', 'ws');
  }

  /** For looking at rows. */
  get pool(): Pool {
    this.#pool ??= createPool({ databaseUrl: this.#databaseUrl(), applicationName: 'test', maxConnections: 2 });
    return this.#pool;
  }

  async start(overrides: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.agentserver.start();
    this.agentserver.knows('owner-token', 'user-owner');
    this.agentserver.knows('stranger-token', 'user-stranger');
    const config = readConfig({
      ...PATIENT_DEADLINES,
      CXG_PORT: '0',
      CXG_DATABASE_URL: this.#databaseUrl(),
      CXG_CAPTOKEN_HMAC_SECRET: CAPTOKEN_SECRET,
      CXG_INTERNAL_SHARED_SECRET: SHARED_SECRET,
      CXG_AGENTSERVER_INTERNAL_URL: this.agentserver.url,
      CXG_AGENTSERVER_INTERNAL_SECRET: INTERNAL_SECRET,
      CXG_REGISTER_HOLD: '0s',
      CXG_DRAIN_TIMEOUT: '1s',
      ...this.#variables,
      ...overrides,
    });
    const log = createLogger(
      { service: 'codex-exec-gateway', level: 'debug' },
      { write: (line) => this.logLines.push(line) },
    );
    this.#gateway = createExecGateway(config, {
      ...{ log, clock: this.clock },
      ...(this.#hostName === undefined ? {} : { hostName: this.#hostName }),
    });
    await this.#gateway.start();
  }

  async drain(): Promise<void> {
    await this.#gateway?.drain();
  }

  async close(): Promise<void> {
    await this.#gateway?.close();
    this.#gateway = undefined;
  }

  async stop(): Promise<void> {
    await this.close();
    await this.agentserver.stop();
    await this.#pool?.end();
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<Answer<Body>> {
    const hasBody = body !== undefined;
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(hasBody ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(hasBody ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json');
    return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as Body };
  }

  /** A call with the internal secret. */
  manage<Body = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const headers = { 'x-internal-secret': INTERNAL_SECRET, 'x-user-id': 'user-owner' };
    return this.call<Body>(method, `/api/codex-exec${path}`, { headers, body });
  }

  async executor(displayName = 'a laptop'): Promise<string> {
    const { body } = await this.manage<{ exe_id: string }>('POST', '/register', { display_name: displayName });
    return body.exe_id;
  }

  async bound(workspaceId = 'ws-1', binding: Record<string, unknown> = {}): Promise<string> {
    const exeId = await this.executor();
    await this.manage('POST', `/workspaces/${workspaceId}/executors`, { exe_id: exeId, name: 'laptop', ...binding });
    return exeId;
  }

  cloudRegister(exeId: string, { token = 'owner-token', legacy = false } = {}): Promise<Answer> {
    return this.call('POST', `/cloud/environment/${exeId}/register`, {
      headers: { authorization: `Bearer ${token}` },
      ...(legacy ? {} : { body: { security_profile: 'noise_hybrid_ik_v1', executor_public_key: EXECUTOR_KEY } }),
    });
  }

  async registered(exeId: string, options: { legacy?: boolean } = {}): Promise<Registered> {
    const { status, body } = await this.cloudRegister(exeId, options);
    if (status !== 200) throw new Error(`register answered ${status}: ${JSON.stringify(body)}`);
    const url = String(body.url);
    const ticket = new URL(url).searchParams.get('token') ?? '';
    return { exeId, url, ticket, registrationId: String(body.executor_registration_id) };
  }

  /** An executor that has registered and holds its connection. */
  async online(exeId: string, options: { legacy?: boolean } = {}): Promise<{ peer: Peer; registered: Registered }> {
    const registered = await this.registered(exeId, options);
    return { peer: await connect(registered.url), registered };
  }

  capability(claims: { turnId?: string; workspaceId?: string; lifetimeSeconds?: number } = {}): string {
    const iat = this.clock.nowSeconds();
    const { turnId = 'turn-1', workspaceId = 'ws-1', lifetimeSeconds = 600 } = claims;
    return capabilityToken.mint(
      { turn_id: turnId, workspace_id: workspaceId, iat, exp: iat + lifetimeSeconds },
      CAPTOKEN_SECRET,
    );
  }

  connectCall(exeId: string, token: string): Promise<Answer> {
    return this.call('POST', `/cloud/environment/${exeId}/connect`, {
      headers: { authorization: `Bearer ${token}` },
      body: { harness_public_key: HARNESS_KEY },
    });
  }

  /** The bridge url that `/connect` gives a Noise harness. */
  async bridgeUrl(exeId: string, claims: Parameters<TestGateway['capability']>[0] = {}): Promise<string> {
    const { status, body } = await this.connectCall(exeId, this.capability(claims));
    if (status !== 200) throw new Error(`connect answered ${status}: ${JSON.stringify(body)}`);
    return String(body.url);
  }

  legacyBridgeUrl(exeId: string, token = this.capability()): string {
    return `${this.wsUrl}/bridge/${exeId}?role=harness&token=${token}`;
  }

  async harness(exeId: string, claims: Parameters<TestGateway['capability']>[0] = {}): Promise<Peer> {
    return connect(await this.bridgeUrl(exeId, claims));
  }

  revoke(turnId: string, body: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('POST', '/api/exec-gateway/revoke-turn', {
      headers: { authorization: `Bearer ${SHARED_SECRET}` },
      body: { turn_id: turnId, ...body },
    });
  }

  async connected(workspaceId = 'ws-1'): Promise<Record<string, unknown>[]> {
    const { body } = await this.call<Record<string, unknown>[]>(
      'GET',
      `/api/exec-gateway/connected?workspace_id=${workspaceId}`,
      { headers: { authorization: `Bearer ${SHARED_SECRET}` } },
    );
    return body;
  }

  /** One sample of the metrics page, such as `codex_exec_dropped_frames_total{reason="text_frame"}`. */
  async metric(name: string): Promise<number | undefined> {
    const { body } = await this.call<string>('GET', '/metrics');
    const [plain, labels = ''] = name.replace('}', '').split('{');
    const line = body
      .split('\n')
      .find((each) => each.startsWith(`${plain}{`) && each.includes(labels) && !each.startsWith('#'));
    return line === undefined ? undefined : Number(line.split(' ').pop());
  }

  get #running(): ExecGateway {
    if (!this.#gateway) throw new Error('the gateway runs only while the tests of this file run');
    return this.#gateway;
  }
}

/** A gateway for the tests of a file, with the variables that they need to be different. */
export function useExecGateway(variables: Readonly<Record<string, string>> = {}): TestGateway {
  const cleanup = useCleanup();
  const database = useTestDatabase();
  const gateway = new TestGateway(() => database.url, variables);
  beforeAll(async () => {
    cleanup.after(() => gateway.stop());
    await gateway.start();
  });
  return gateway;
}
