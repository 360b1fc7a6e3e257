import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, OwnSecret, ServiceUnavailableError } from '@codex-gateways/service';
import { freePort, useCleanup } from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { CircuitOpenError } from './circuit-breaker.ts';
import { createRemoteVerifier, type RemoteVerifierOptions } from './remote-verifier.ts';

const YES = { status: 200, body: { user_id: 'user_1', workspace_id: 'ws_1' } };
const SECRET = 'the internal secret';
const OPTIONS = { agentserverSecret: SECRET, timeoutMs: PATIENCE_MS, breakerFailures: 5, breakerBackOffMs: 60_000 };
const YES_TEXT = JSON.stringify(YES.body);
const JSON_TYPE = { 'content-type': 'application/json' };
type Respond = Extract<StandInAnswer, (...args: never[]) => void>;

const SECRET_NAMED = { variable: 'CXG_AGENTSERVER_INTERNAL_SECRET', consequence: 'nobody is let in' };

/** What is known of the gateway's own secret, and what is logged of it, at a time that a test moves. */
function listenToSecret() {
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => void lines.push(line) });
  return { ownSecret: new OwnSecret({ ...SECRET_NAMED, log, nowMs: () => clock.nowMs }), lines, clock };
}

describe('remote verification of bearers', () => {
  const cleanup = useCleanup();

  async function verifierOf(answer: () => StandInAnswer, options: Partial<RemoteVerifierOptions> = {}) {
    const agentserver = await startStandIn(answer);
    const { ownSecret, ...heard } = listenToSecret();
    const nowMs = () => heard.clock.nowMs;
    const verifier = createRemoteVerifier(
      { ...OPTIONS, agentserverUrl: agentserver.url, nowMs, ...options },
      ownSecret,
    );
    cleanup.after(() => verifier.close()); // waits for answers, of which some do not end before their connection does
    cleanup.after(() => agentserver.close());
    return { agentserver, verifier, ...heard };
  }

  it('asks agentserver with the internal secret, and takes user and workspace from a yes', async () => {
    const { agentserver, verifier } = await verifierOf(() => YES);
    expect(await verifier.authenticate('ast_1_secret')).toEqual({
      kind: 'authenticated',
      caller: { userId: 'user_1', workspaceId: 'ws_1' },
    });
    expect(agentserver.requests).toHaveLength(1);
    expect(agentserver.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/internal/codex/tokens/verify',
      headers: { 'x-internal-secret': SECRET },
      body: { token: 'ast_1_secret' },
    });
  });

  it('asks anew for each connection, so a revoked token is refused at once', async () => {
    let answer: StandInAnswer = YES;
    const { verifier } = await verifierOf(() => answer);
    expect((await verifier.authenticate('ast_1_secret')).kind).toBe('authenticated');
    answer = { status: 401, body: { error: 'invalid_token' } };
    expect(await verifier.authenticate('ast_1_secret')).toEqual({ kind: 'unauthorized' });
  });

  it.each([
    ['status 500', { status: 500, body: { error: 'internal_error' } }],
    ['status 503', { status: 503, body: {} }],
    ['status 403', { status: 403, body: { error: 'forbidden' } }],
    ['status 302', { status: 302, body: {} }],
    ['status 204', { status: 204 }],
    ['200 without a body', { status: 200 }],
    ['200 with another object', { status: 200, body: { ok: true } }],
    ['200 with a list', { status: 200, body: [YES.body] }],
    ['200 without the user', { status: 200, body: { workspace_id: 'ws_1' } }],
    ['200 with an empty workspace', { status: 200, body: { user_id: 'user_1', workspace_id: '' } }],
    ['200 with a workspace that is no id', { status: 200, body: { user_id: 'u', workspace_id: '../../etc' } }],
    ['200 with text instead of JSON', (_req, res) => res.writeHead(200, JSON_TYPE).end('<html>')],
    ['200 with a page', (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(YES_TEXT)],
    ['200 without a content type', (_req, res) => res.end(YES_TEXT)],
    ['200 with more than two ids take', (_req, res) => res.writeHead(200, JSON_TYPE).end(YES_TEXT.padEnd(20_000))],
    ['an answer without end', (_req, res) => void res.writeHead(200, JSON_TYPE).write('{"user_id":')],
    ['status 404', { status: 404, body: YES.body }],
    ['status 400 that speaks of tokens', { status: 400, body: { error: 'invalid_token' } }],
  ] satisfies [string, StandInAnswer][])('is unavailable, never unauthorized, for %s', async (_what, answer) => {
    const { verifier } = await verifierOf(() => answer, { timeoutMs: 300 });
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
  });

  it.each([
    ['text', (_req, res) => res.writeHead(401, { 'content-type': 'text/plain' }).end('unauthorized')],
    ['nothing', (_req, res) => res.writeHead(401).end()],
    ['more than anybody reads', (_req, res) => res.writeHead(401, JSON_TYPE).end('x'.repeat(1_000_000))],
    ['an end that does not come', (_req, res) => void res.writeHead(401, JSON_TYPE).write('{')],
  ] satisfies [string, Respond][])('is unauthorized for 401, also with %s behind it', async (_what, answer) => {
    const { verifier } = await verifierOf(() => answer);
    for (let time = 0; time < 3; time += 1) {
      expect(await verifier.authenticate('ast_1_secret')).toEqual({ kind: 'unauthorized' });
    }
  });

  it('is unavailable when agentserver is down', async () => {
    const agentserverUrl = `http://127.0.0.1:${await freePort()}`;
    const verifier = createRemoteVerifier({ ...OPTIONS, agentserverUrl }, listenToSecret().ownSecret);
    cleanup.after(() => verifier.close());
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
    await expect(verifier.checkReady()).rejects.toThrow(ServiceUnavailableError);
  });

  it('asks once more when a kept connection was closed under it', async () => {
    const answers: StandInAnswer[] = [YES, (req) => req.socket.destroy(), YES];
    const { agentserver, verifier } = await verifierOf(() => answers.shift() ?? YES);
    await verifier.authenticate('ast_1_secret');
    expect((await verifier.authenticate('ast_1_secret')).kind).toBe('authenticated');
    expect(agentserver.requests).toHaveLength(3);
  });

  it('asks no third time', async () => {
    const { agentserver, verifier } = await verifierOf(() => (req) => req.socket.destroy());
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
    expect(agentserver.requests).toHaveLength(2);
  });

  it('does not bother agentserver with a text longer than any token', async () => {
    const { agentserver, verifier } = await verifierOf(() => YES);
    expect(await verifier.authenticate('a'.repeat(1025))).toEqual({ kind: 'unauthorized' });
    expect(agentserver.requests).toHaveLength(0);
  });

  it('tells who runs the gateway that its own secret is refused, once a minute, and the client just that he may not', async () => {
    const { verifier, lines, clock } = await verifierOf(() => ({ status: 401, body: { error: 'unauthorized' } }));
    for (let time = 0; time < 3; time += 1) {
      expect(await verifier.authenticate('ast_1_secret')).toEqual({ kind: 'unauthorized' });
    }
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(['error']);
    clock.nowMs = 60_000;
    await verifier.authenticate('ast_1_secret');
    expect(lines).toHaveLength(2);
    expect(lines.join('')).toContain('CXG_AGENTSERVER_INTERNAL_SECRET');
    expect(lines.join('')).not.toMatch(new RegExp(`${SECRET}|ast_1_secret`));
  });

  it.each([
    ['a yes', YES],
    ['a no that speaks of the token', { status: 401, body: { error: 'invalid_token' } }],
  ])('is not ready while its own secret is refused, until there is %s', async (_what, later) => {
    let answer: StandInAnswer = {
      status: 401,
      body: { error: { code: 'unauthorized', message: 'a secret is needed' } },
    };
    const { verifier } = await verifierOf(() => answer);
    await expect(verifier.checkReady()).rejects.toMatchObject({ name: 'NotReadyError', word: 'secret_refused' });
    answer = later;
    await verifier.authenticate('ast_1_secret');
    await expect(verifier.checkReady()).resolves.toBeUndefined();
  });

  it.each([
    ['speaks of the token', (_req, res) => res.writeHead(401, JSON_TYPE).end('{"error":"invalid_token"}')],
    ['is no JSON', (_req, res) => res.writeHead(401, { 'content-type': 'text/html' }).end('"unauthorized"')],
    ['is cut off', (_req, res) => res.writeHead(401, JSON_TYPE).end('{"error":"unauthorized"')],
    [
      'is longer than anybody reads',
      (_req, res) => res.writeHead(401, JSON_TYPE).end('{"error":"unauthorized"}'.padEnd(20_000)),
    ],
  ] satisfies [string, Respond][])('does not blame its own secret for a 401 whose body %s', async (_what, answer) => {
    const { verifier, lines } = await verifierOf(() => answer);
    expect(await verifier.authenticate('ast_1_secret')).toEqual({ kind: 'unauthorized' });
    await expect(verifier.checkReady()).resolves.toBeUndefined();
    expect(lines).toEqual([]);
  });

  it('is ready when agentserver answers, whatever it thinks of the token', async () => {
    const { verifier } = await verifierOf(() => ({ status: 401, body: { error: 'invalid_token' } }));
    await expect(verifier.checkReady()).resolves.toBeUndefined();
  });

  it('does not ask a service that is down, until a probe finds it back', async () => {
    let answer: StandInAnswer = { status: 500 };
    const { agentserver, verifier, clock } = await verifierOf(() => answer, { breakerFailures: 3 });
    const authenticate = () => verifier.authenticate('ast_1_secret').catch((error: unknown) => error);
    for (let failure = 0; failure < 3; failure += 1) await authenticate();
    expect(verifier.breakerState?.()).toBe('open');
    expect(await authenticate()).toBeInstanceOf(CircuitOpenError);
    expect(agentserver.requests).toHaveLength(3);
    await expect(verifier.checkReady()).rejects.toMatchObject({ name: 'NotReadyError', word: 'circuit_open' });
    answer = YES;
    clock.nowMs += OPTIONS.breakerBackOffMs - 1;
    expect(await authenticate()).toBeInstanceOf(CircuitOpenError);
    clock.nowMs += 1;
    expect(await authenticate()).toMatchObject({ kind: 'authenticated' });
    expect(verifier.breakerState?.()).toBe('closed');
    expect(agentserver.requests).toHaveLength(4);
  });

  it('finds the service back when it is asked whether it is ready, since nobody connects to one that is not', async () => {
    let answer: StandInAnswer = { status: 500 };
    const { verifier, clock } = await verifierOf(() => answer, { breakerFailures: 1 });
    await verifier.authenticate('ast_1_secret').catch(() => undefined);
    answer = { status: 401 };
    clock.nowMs += OPTIONS.breakerBackOffMs;
    await expect(verifier.checkReady()).resolves.toBeUndefined();
    expect(verifier.breakerState?.()).toBe('closed');
  });

  it('goes on asking a service that works and refuses: nobody can shut the others out with odd tokens', async () => {
    const { agentserver, verifier } = await verifierOf(() => ({ status: 400 }), { breakerFailures: 2 });
    for (let time = 0; time < 5; time += 1) {
      await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
    }
    expect(agentserver.requests).toHaveLength(5);
    expect(verifier.breakerState?.()).toBe('closed');
  });

  it('is bounded against a service that hangs: fifty at once are told in one timeout, the next at once', async () => {
    const timeoutMs = 500;
    const { agentserver, verifier } = await verifierOf(() => () => undefined, { timeoutMs });
    const authenticate = () => verifier.authenticate('ast_1_secret').catch((error: unknown) => error);
    const all = Promise.all(Array.from({ length: 50 }, authenticate));
    // One after the other they would take fifty. Timers of one process go off in their order, however late.
    const outcomes = await Promise.race([all, delay(6 * timeoutMs, [])]);
    expect(outcomes.filter((each) => each instanceof ServiceUnavailableError)).toHaveLength(50);
    const asked = agentserver.requests.length;
    expect(asked).toBeLessThan(50);
    expect(await authenticate()).toBeInstanceOf(CircuitOpenError);
    expect(agentserver.requests).toHaveLength(asked);
  });
});
