import { type IncomingHttpHeaders, request } from 'node:http';
import { connectWebSocket, freePort, UpgradeRefusedError, useCleanup, waitFor } from '@codex-gateways/testing';
import { mintWorkspaceToken } from '@codex-gateways/tokens';
import { PATIENCE_MS } from '../../test/patience.ts';
import { startStandIn } from '../../test/stand-in.ts';
import { createWorld, get, type World, wsUrl } from '../../test/world.ts';
import { startWsBackend, type WsBackend } from '../../test/ws-backend.ts';
import type { AppGateway } from '../index.ts';

const HMAC_SECRET = 'break-glass-hmac-secret';

/** How an upgrade is refused; fails when it is not. */
async function refusal(url: string, headers: Record<string, string> = {}): Promise<UpgradeRefusedError> {
  try {
    const socket = await connectWebSocket({ url, headers });
    socket.terminate();
  } catch (error) {
    if (error instanceof UpgradeRefusedError) return error;
    throw error;
  }
  throw new Error('the upgrade was not refused');
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('the upgrade to a WebSocket', () => {
  const cleanup = useCleanup();
  let world: World;
  let backend: WsBackend;
  let gateway: AppGateway;

  beforeAll(async () => {
    [world, backend] = await Promise.all([createWorld(cleanup), startWsBackend(cleanup)]);
    gateway = await world.start({ CXG_APP_SERVER_URL: backend.url, CXG_APP_SERVER_TOKEN: 'token-of-the-app-server' });
  });

  it.each(['/', '/codex-app/ws', '/codex-app/ws/', '/?a=b'])('is there at %s for a valid token', async (path) => {
    const socket = await connectWebSocket({ url: `${wsUrl(gateway)}${path}`, bearer: 'ast_ws-1' });
    socket.close();
  });

  it.each(['/other', '/codex-app', '/codex-app/ws//', '//', '/healthz'])(
    'is 404 at %s, before anybody is asked about the token',
    async (path) => {
      const asked = world.verifications();
      const { status } = await refusal(`${wsUrl(gateway)}${path}`, bearer('ast_ws-1'));
      expect(status).toBe(404);
      expect(world.verifications()).toBe(asked);
    },
  );

  it.each([
    ['no token', {}],
    ['a forged one', bearer('forged')],
    ['an empty one', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic YXN0X3dzLTE6' }],
    ['a token as text', { authorization: 'ast_ws-1' }],
    ['two tokens', { authorization: 'Bearer ast_ws-1, Bearer ast_ws-1' }],
    ['a token in a cookie', { cookie: 'authorization=ast_ws-1' }],
  ] as [string, Record<string, string>][])('is 401 with %s, and says how to do it', async (_what, headers) => {
    const { status, headers: answered, body } = await refusal(wsUrl(gateway), headers);
    expect(status).toBe(401);
    expect(answered['www-authenticate']).toMatch(/^Bearer/);
    expect(JSON.parse(body)).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
  });

  it('is 503 for a workspace that is a path: the verifier is broken then, not the token', async () => {
    expect((await refusal(wsUrl(gateway), bearer('ast_../../../etc'))).status).toBe(503);
  });

  it('takes a token from the header only', async () => {
    expect((await refusal(`${wsUrl(gateway)}/?token=ast_ws-1&access_token=ast_ws-1`)).status).toBe(401);
  });

  it('is 403 with an Origin, since a browser cannot have our bearer', async () => {
    const headers = { ...bearer('ast_ws-1'), origin: 'https://evil.example' };
    expect((await refusal(wsUrl(gateway), headers)).status).toBe(403);
    expect((await refusal(wsUrl(gateway), { ...headers, origin: '' })).status).toBe(403);
  });

  it('is there for an Origin that is listed, and the app-server does not hear of it', async () => {
    const listed = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_ALLOWED_ORIGINS: 'https://console.example',
    });
    const headers = { ...bearer('ast_ws-1'), origin: 'https://console.example' };
    const socket = await connectWebSocket({ url: wsUrl(listed), headers });
    expect(backend.upgrades.at(-1)?.headers).not.toHaveProperty('origin');
    socket.close();
    expect((await refusal(wsUrl(listed), { ...headers, origin: 'https://console.example.evil' })).status).toBe(403);
  });

  it('passes nothing of the client on to the app-server, and accepts no compression', async () => {
    const socket = await connectWebSocket({
      url: wsUrl(gateway),
      bearer: 'ast_ws-1',
      headers: {
        'x-codex-app-server-compression': 'zstd-stream-v1',
        'sec-websocket-extensions': 'permessage-deflate',
        cookie: 'a=b',
        'x-forwarded-for': '10.0.0.1',
      },
    });
    const headers: IncomingHttpHeaders = backend.upgrades.at(-1)?.headers ?? {};
    expect(headers.authorization).toBe('Bearer token-of-the-app-server');
    expect(Object.keys(headers).sort()).toEqual([
      'authorization',
      'connection',
      'host',
      'sec-websocket-key',
      'sec-websocket-version',
      'upgrade',
    ]);
    expect(socket.extensions).toBe('');
    socket.close();
  });

  it('echoes neither the compression nor a subprotocol', async () => {
    const answer = await upgradeAnswer(gateway, {
      ...bearer('ast_ws-1'),
      'x-codex-app-server-compression': 'zstd-stream-v1',
      'sec-websocket-protocol': 'one, two',
    });
    expect(answer.status).toBe(101);
    expect(Object.keys(answer.headers).sort()).toEqual(['connection', 'sec-websocket-accept', 'upgrade']);
  });

  it.each([
    ['another version', { 'sec-websocket-version': '8' }, 426],
    ['no key', { 'sec-websocket-key': '' }, 400],
    ['a key of another length', { 'sec-websocket-key': 'YQ==' }, 400],
    ['another protocol', { upgrade: 'h2c' }, 400],
  ])('is refused with %s', async (_what, headers, status) => {
    expect((await upgradeAnswer(gateway, { ...bearer('ast_ws-1'), ...headers })).status).toBe(status);
  });

  it('is 503 and never 401 while the verifier is away, lies, or takes too long', async () => {
    const verifier = await startStandIn(() => ({ status: 200, body: 'yes' }));
    cleanup.after(() => verifier.close());
    const overrides = { CXG_APP_SERVER_URL: backend.url, CXG_VERIFY_TIMEOUT: '300ms' };
    const lied = await world.start({ ...overrides, CXG_AGENTSERVER_INTERNAL_URL: verifier.url });
    const away = await world.start({
      ...overrides,
      CXG_AGENTSERVER_INTERNAL_URL: `http://127.0.0.1:${await freePort()}`,
    });
    for (const other of [lied, away]) {
      const { status, headers } = await refusal(wsUrl(other), bearer('ast_ws-1'));
      expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 503, retryAfter: '5' });
    }
    verifier.answer = () => () => undefined; // never answers
    expect((await refusal(wsUrl(lied), bearer('ast_ws-1'))).status).toBe(503);
    expect((await get(lied, '/metrics')).text).toMatch(/cxg_app_verifications_total\{outcome="unavailable".*\} 2/);
  });

  it('is 503 at once while the verifier is known to be down, which is seen from outside', async () => {
    const down = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_AGENTSERVER_INTERNAL_URL: `http://127.0.0.1:${await freePort()}`,
      CXG_VERIFIER_BREAKER_FAILURES: '2',
      CXG_VERIFIER_BREAKER_BACKOFF: '1m',
    });
    await refusal(wsUrl(down), bearer('ast_ws-1'));
    await refusal(wsUrl(down), bearer('ast_ws-1'));
    const { status, headers } = await refusal(wsUrl(down), bearer('ast_ws-1'));
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(50);
    expect(await get(down, '/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('circuit_open') });
    expect((await get(down, '/metrics')).text).toMatch(/cxg_app_verifier_breaker_state\{.*\} 2\n/);
  });

  it('is 503 when the app-server cannot be reached, before there is a WebSocket', async () => {
    const dead = await world.start({ CXG_APP_SERVER_URL: `ws://127.0.0.1:${await freePort()}` });
    const { status, body } = await refusal(wsUrl(dead), bearer('ast_ws-1'));
    expect(status).toBe(503);
    expect(body).toContain('the app-server does not accept the connection');
  });

  it('is given up after its time, when the app-server neither accepts nor refuses', async () => {
    const hanging = await startStandIn(() => () => undefined);
    cleanup.after(() => hanging.close());
    const slow = await world.start({
      CXG_APP_SERVER_URL: hanging.url.replace('http', 'ws'),
      CXG_UPGRADE_TIMEOUT: '1s',
    });
    const { status } = await refusal(wsUrl(slow), bearer('ast_ws-1'));
    expect(status).toBe(503);
    // The place that it held is free again.
    await waitFor(async () => /cxg_app_connections\{.*\} 0/.test((await get(slow, '/metrics')).text), {
      timeoutMs: PATIENCE_MS,
      describe: 'no connection',
    });
  });

  it('has room for so many connections of a workspace, and in all', async () => {
    const small = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_MAX_CONNECTIONS: '3',
      CXG_MAX_CONNECTIONS_PER_WORKSPACE: '2',
    });
    const open = (workspace: string) => connectWebSocket({ url: wsUrl(small), bearer: `ast_${workspace}` });
    const first = await open('a');
    await open('a');
    expect((await refusal(wsUrl(small), bearer('ast_a'))).status).toBe(429);
    await open('b');
    expect((await refusal(wsUrl(small), bearer('ast_c'))).status).toBe(503);
    first.close();
    await waitFor(() => open('c').catch(() => undefined), { timeoutMs: PATIENCE_MS, describe: 'a place to be free' });
  });

  it('has room for so many upgrades under way', async () => {
    const hanging = await startStandIn(() => () => undefined);
    cleanup.after(() => hanging.close());
    const busy = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_AGENTSERVER_INTERNAL_URL: hanging.url,
      CXG_MAX_PENDING_UPGRADES: '2',
    });
    const slow = [refusal(wsUrl(busy), bearer('ast_a')), refusal(wsUrl(busy), bearer('ast_a'))];
    const verifications = () => hanging.requests.filter(({ path }) => path.endsWith('/verify')).length;
    await waitFor(() => verifications() === 2, { timeoutMs: PATIENCE_MS, describe: 'two upgrades under way' });
    const { status, body } = await refusal(wsUrl(busy), bearer('ast_a'));
    expect({ status, body }).toMatchObject({ status: 503, body: expect.stringContaining('busy') });
    await hanging.close();
    expect((await Promise.all(slow)).map((each) => each.status)).toEqual([503, 503]);
  });

  it('takes break-glass tokens when it is told to, and those only', async () => {
    const hmac = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_INBOUND_AUTH: 'hmac',
      CXG_INBOUND_HMAC_SECRET: HMAC_SECRET,
    });
    const asked = world.verifications();
    const token = mintWorkspaceToken({ workspaceId: 'ws-1', threadId: 't' }, HMAC_SECRET);
    (await connectWebSocket({ url: wsUrl(hmac), bearer: token })).close();
    expect((await refusal(wsUrl(hmac), bearer('ast_ws-1'))).status).toBe(401);
    expect((await refusal(wsUrl(hmac), bearer(`${token}0`))).status).toBe(401);
    expect(world.verifications()).toBe(asked);
  });

  it('is refused while the gateway drains', async () => {
    const draining = await world.start({ CXG_APP_SERVER_URL: backend.url });
    await draining.drain();
    expect((await refusal(wsUrl(draining), bearer('ast_ws-1'))).status).toBe(503);
    expect((await get(draining, '/readyz')).status).toBe(503);
    expect((await get(draining, '/healthz')).status).toBe(200);
  });

  it('is counted by its status', async () => {
    const { text } = await get(gateway, '/metrics');
    for (const status of ['101', '401', '403', '404']) {
      expect(text).toMatch(new RegExp(`cxg_app_upgrades_total\\{status="${status}".*\\} [1-9]`));
    }
  });
});

/** The answer to an upgrade request with exactly these headers beside the usual ones. */
async function upgradeAnswer(
  gateway: AppGateway,
  headers: Record<string, string>,
): Promise<{ status: number; headers: object }> {
  return new Promise((resolve, reject) => {
    const usual = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const sent = request(gateway.url, { headers: { ...usual, ...headers } });
    sent.once('response', (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
    });
    sent.once('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
    });
    sent.once('error', reject);
    sent.end();
  });
}
