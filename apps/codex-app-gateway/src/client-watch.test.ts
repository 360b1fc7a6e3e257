import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@codex-gateways/service';
import { type AppServerClient, connectAppServer, freePort, useCleanup, waitFor } from '@codex-gateways/testing';
import type { FrameSocket } from '@codex-gateways/websocket';
import { PATIENCE_MS } from '../test/patience.ts';
import { type StandIn, type StandInAnswer, startStandIn } from '../test/stand-in.ts';
import { createWorld, get, type World, wsUrl } from '../test/world.ts';
import { startWsBackend, type WsBackend } from '../test/ws-backend.ts';
import { createClientWatch } from './client-watch.ts';
import { readConfig } from './index.ts';

const REVOCATIONS = '/internal/codex-auth/revocations';
const SESSIONS = '/internal/codex-auth/remote-sessions';
const REPORT_INTERVAL_MS = 30_000;
const token = (id: string) => `ast_${id.repeat(24)}_${'s'.repeat(43)}`;

/** A codex-auth that tells of revocations and listens to reports, as a test wants it. */
class AuthStandIn {
  readonly streams: ServerResponse[] = [];
  /** By token, its user; all are of the workspace `ws-1`. */
  readonly users = new Map<string, string>();
  reportStatus = 204;
  server: StandIn | undefined;

  readonly answer = ({ path, body }: { path: string; body: unknown }): StandInAnswer => {
    if (path === SESSIONS) return { status: this.reportStatus };
    if (path === REVOCATIONS) return (_req, res) => this.#openStream(res);
    const user = this.users.get((body as { token: string }).token);
    return user ? { status: 200, body: { user_id: user, workspace_id: 'ws-1' } } : { status: 401, body: {} };
  };

  get requests(): StandIn['requests'] {
    return this.server?.requests ?? [];
  }

  verifications(): number {
    return this.requests.filter(({ path }) => path.endsWith('/verify')).length;
  }

  /** The latest that was reported of each session. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects here
  sessions(): any[] {
    const reports = this.requests.filter(({ path }) => path === SESSIONS).map(({ body }) => body);
    const all = reports.flatMap((report) => (report as { sessions: { id: string }[] }).sessions);
    return [...new Map(all.map((session) => [session.id, session])).values()];
  }

  tell(name: string, data: object): void {
    for (const stream of this.streams) stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #openStream(res: ServerResponse): void {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    this.streams.push(res);
    res.once('close', () => this.streams.splice(this.streams.indexOf(res), 1));
    this.tell('ready', {});
  }
}

describe('the watch over open connections', () => {
  const cleanup = useCleanup();
  let world: World;
  let backend: WsBackend;
  let auth: AuthStandIn;

  beforeEach(async () => {
    [world, backend] = await Promise.all([createWorld(cleanup), startWsBackend(cleanup)]);
    auth = new AuthStandIn();
    const server = await startStandIn(auth.answer);
    auth.server = server;
    cleanup.after(() => server.close());
    for (const id of ['1', '2', '3']) auth.users.set(token(id), id === '3' ? 'other' : 'user');
  });

  const start = (overrides: Record<string, string> = {}) =>
    world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_AGENTSERVER_INTERNAL_URL: auth.server?.url ?? '',
      CXG_REVERIFY_INTERVAL: '1h',
      CXG_SESSION_REPORT_INTERVAL: '200ms',
      ...overrides,
    });
  const until = (what: string, isSo: () => boolean | Promise<boolean>) =>
    waitFor(isSo, { timeoutMs: PATIENCE_MS, describe: what });
  /** A gateway that has asked about everybody, nobody so far, since it hears of revocations now. */
  const startListening = async () => {
    const gateway = await start();
    await until('the stream', () => world.logLines.some((line) => line.includes('told of revocations')));
    return gateway;
  };
  const connect = (url: string, id: string, headers: Record<string, string> = {}): Promise<AppServerClient> =>
    connectAppServer({ url, bearer: token(id), headers });

  it('closes a connection with 4401 as soon as its token is said to be revoked and is, and leaves the others', async () => {
    const gateway = await startListening();
    const clients = await Promise.all(['1', '2', '3'].map((id) => connect(wsUrl(gateway), id)));
    const asked = auth.verifications();
    auth.users.delete(token('1'));
    auth.tell('revoked', { user_id: 'user', workspace_id: 'ws-1', remote_token_id: '1'.repeat(24) });
    const warning = await clients[0]?.waitForNotification('warning');
    expect(warning).toEqual({ threadId: null, message: 'the remote token is no longer valid: this session is over' });
    expect(await clients[0]?.closed).toEqual({ code: 4401, reason: 'the remote token is no longer valid' });
    expect(auth.verifications()).toBe(asked + 1);
    const left = async () => (await get(gateway, '/metrics')).text;
    await until('its end', async () => /cxg_app_connections\{.*\} 2\n/.test(await left()));
    auth.users.delete(token('2'));
    auth.tell('revoked', { user_id: 'user' });
    expect(await clients[1]?.closed).toMatchObject({ code: 4401 });
    expect(auth.verifications()).toBe(asked + 2);
    await clients[2]?.close();
  });

  it('believes no notice: what is still valid stays', async () => {
    const gateway = await startListening();
    const client = await connect(wsUrl(gateway), '1');
    const asked = auth.verifications();
    auth.tell('revoked', { user_id: 'user' });
    await until('the question', () => auth.verifications() === asked + 1);
    auth.tell('missed', {});
    await until('the question', () => auth.verifications() === asked + 2);
    expect(await client.close()).toMatchObject({ code: 1000 });
  });

  it('asks about everybody when the stream is back, since notices may have been missed', async () => {
    const gateway = await startListening();
    const client = await connect(wsUrl(gateway), '1');
    for (const stream of [...auth.streams]) stream.destroy();
    auth.users.delete(token('1'));
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect((await get(gateway, '/metrics')).text).toMatch(/cxg_app_revocation_stream_connected\{.*\} 1\n/);
  });

  it('does without an agentserver that tells nothing, and says so once', async () => {
    const gateway = await world.start({ CXG_APP_SERVER_URL: backend.url, CXG_REVERIFY_INTERVAL: '100ms' });
    const client = await connectAppServer({ url: wsUrl(gateway), bearer: 'ast_ws-1' });
    const said = () => world.logLines.filter((line) => /tells of no revocations|keeps no list/.test(line));
    await until('both words', () => said().length === 2);
    const asked = world.verifications();
    await until('periodic questions', () => world.verifications() > asked + 2);
    expect(said()).toHaveLength(2);
    await client.close();
  });

  it('reports who is connected: whose token, from where, with which client, until when', async () => {
    const gateway = await start({ CXG_TRUSTED_PROXY_HOPS: '1' });
    const headers = { 'user-agent': 'codex/1', 'x-forwarded-for': '6.6.6.6, 203.0.113.9' };
    const client = await connect(wsUrl(gateway), '1', headers);
    await until('the first report', () => auth.sessions().length === 1);
    void client.initialize().catch(() => undefined); // nobody answers here
    await until('the name', () => auth.sessions()[0]?.client_name !== null);
    expect(auth.sessions()).toEqual([
      {
        ...{ id: expect.any(String), workspace_id: 'ws-1', user_id: 'user', remote_token_id: '1'.repeat(24) },
        ...{ client_name: expect.any(String), client_version: expect.any(String), ip: '203.0.113.9' },
        ...{ user_agent: 'codex/1', opened_ms_ago: expect.any(Number), closed_ms_ago: null, close_code: null },
      },
    ]);
    const reports = auth.requests.filter(({ path }) => path === SESSIONS).length;
    await until('signs of life', () => auth.requests.filter(({ path }) => path === SESSIONS).length > reports + 1);
    await client.close();
    await until('the end', () => auth.sessions()[0]?.closed_ms_ago !== null);
    expect(JSON.stringify(auth.requests.filter(({ path }) => path === SESSIONS))).not.toContain('sss');
  });

  it('reports where a client called from that has left by the time it is let in', async () => {
    const config = readConfig(world.env({ CXG_AGENTSERVER_INTERNAL_URL: auth.server?.url ?? '' }));
    const authenticate = async () => ({ kind: 'unauthorized' }) as const;
    const log = createLogger({ service: 'test', level: 'silent' });
    const watch = createClientWatch(config, { authenticator: { authenticate }, log });
    watch.start();
    const server = createServer().listen(0, '127.0.0.1');
    server.once('upgrade', (req, socket) => {
      const admit = watch.expect({ req, token: token('1'), caller: { workspaceId: 'ws-1', userId: 'user' } });
      socket.destroy();
      admit(new EventEmitter() as FrameSocket);
    });
    await once(server, 'listening');
    await expect(connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, '1')).rejects.toThrow();
    await until('the report', () => auth.sessions().length === 1);
    expect(auth.sessions()).toMatchObject([{ ip: '127.0.0.1' }]);
    server.close();
    await watch.close();
  });

  it('reports later what it could not report, and the end of everybody when it ends itself', async () => {
    auth.reportStatus = 503;
    const gateway = await start();
    const client = await connect(wsUrl(gateway), '1');
    await until('a refused report', () => auth.sessions().length === 1);
    auth.reportStatus = 204;
    const before = auth.requests.length;
    await until('the same again', () =>
      auth.requests.slice(before).some(({ body }) => JSON.stringify(body).includes('ws-1')),
    );
    await gateway.close();
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(auth.sessions()).toMatchObject([{ close_code: 1001 }]);
  });

  it('hurts nobody when codex-auth is away', async () => {
    const gateway = await start({
      CXG_AGENTSERVER_INTERNAL_URL: `http://127.0.0.1:${await freePort()}`,
      CXG_VERIFIER_BREAKER_FAILURES: '1',
      CXG_SESSION_REPORT_INTERVAL: `${REPORT_INTERVAL_MS}ms`, // the next try would be so far away
    });
    await until('words of it', () => world.logLines.some((line) => line.includes('cannot be reported')));
    const startedAtMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedAtMs).toBeLessThan(REPORT_INTERVAL_MS);
  });
});
