import { join } from 'node:path';
import { createInternalClient, createLogger } from '@codex-gateways/service';
import { connectWebSocket, createCodexHome, useCleanup, waitFor } from '@codex-gateways/testing';
import { capabilityToken } from '@codex-gateways/tokens';
import { PATIENCE_MS } from '../../test/patience.ts';
import { type StandIn, type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { Revoker } from '../turns/revoker.ts';
import { TurnJournal } from '../turns/turn-journal.ts';
import { Turns } from '../turns/turns.ts';
import { type ExecutorLink, ExecutorLinks } from './executor-links.ts';
import { Registry } from './registry.ts';

const SECRET = 'capability secret';
const MET: StandInAnswer = { status: 200, body: { environment_id: 'exe_1', url: 'ws://exec/bridge/exe_1' } };
const refusal = (status: number, code: string): StandInAnswer => ({
  status,
  body: { error: { code, message: `the message of ${code}` } },
});

describe('the registry of an app-server', () => {
  const cleanup = useCleanup();
  const log = createLogger({ service: 'test', level: 'silent' });
  const nowSeconds = 1_800_000_000;
  const clock = { now: () => new Date(nowSeconds * 1000), nowSeconds: () => nowSeconds };
  let execGateway: StandIn;
  let links: ExecutorLinks;
  let legacyLinks: ExecutorLinks;
  let connectAnswer: () => StandInAnswer;
  const counted: string[] = [];

  beforeAll(async () => {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    execGateway = await startStandIn(({ path }) => (path.startsWith('/cloud/') ? connectAnswer() : { status: 204 }));
    cleanup.after(() => execGateway.close());
    const client = createInternalClient({ baseUrl: execGateway.url, timeoutMs: PATIENCE_MS });
    cleanup.after(() => client.close());
    const journal = new TurnJournal(join(home.path, 'turns.json'));
    const revoker = new Revoker({ execGateway: client, journal, clock, log });
    const turns = new Turns({ execGateway: client, journal, revoker, clock, secret: SECRET, lifetimeSeconds: 600 });
    await turns.open();
    cleanup.after(() => turns.close(0));
    const registry = new Registry(log);
    await registry.start();
    cleanup.after(() => registry.close());
    const observer = { executorRefused: (code: string) => counted.push(code) };
    const shared = { registry, turns, execGateway: client, execGatewayUrl: execGateway.url, observer, log };
    links = new ExecutorLinks({ ...shared, generation: 'noise' });
    legacyLinks = new ExecutorLinks({ ...shared, generation: 'legacy' });
  });

  beforeEach(() => {
    connectAnswer = () => MET;
    counted.length = 0;
  });

  async function open(
    exeId = 'exe_1',
  ): Promise<{ link: ExecutorLink; notices: string[]; entrance: { url: string; token: string } }> {
    const notices: string[] = [];
    const link = await links.open({ workspaceId: 'ws_1', userId: 'user_1', exeId }, (notice) => notices.push(notice));
    cleanup.after(() => link.close());
    if (link.execution.kind !== 'executor') throw new Error('it has an executor');
    return { link, notices, entrance: { url: link.execution.registryUrl, token: link.execution.registryToken } };
  }

  async function connect(
    { url, token }: { url: string; token: string },
    exeId = 'exe_1',
    body: object = { harness: 1 },
  ) {
    const answer = await fetch(`${url}/cloud/environment/${exeId}/connect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as { error?: { code: string; message: string } } };
  }

  const asked = () => execGateway.requests.filter(({ path }) => path.startsWith('/cloud/'));
  const lastToken = () => {
    const bearer = asked().at(-1)?.headers.authorization?.replace('Bearer ', '') ?? '';
    const outcome = capabilityToken.verify(bearer, SECRET, nowSeconds);
    if (!outcome.ok) throw new Error(`the token is not valid: ${outcome.reason}`);
    return outcome.payload;
  };
  const revokedTurns = () =>
    execGateway.requests
      .filter(({ path }) => path.endsWith('/revoke-turn'))
      .map(({ body }) => (body as { turn_id: string }).turn_id);

  it('asks the exec-gateway with a token of its own, and hands the answer on as it is', async () => {
    const { link, entrance } = await open();
    expect(await connect(entrance)).toEqual({ status: 200, body: MET.body });
    expect(asked().at(-1)).toMatchObject({ path: '/cloud/environment/exe_1/connect', body: { harness: 1 } });
    expect(lastToken()).toMatchObject({ turn_id: link.access.turnId, workspace_id: 'ws_1', user_id: 'user_1' });
  });

  it('is there for its own app-server, for its own executor, and as long as that runs', async () => {
    const [mine, other] = [await open(), await open('exe_2')];
    const before = asked().length;
    for (const [entrance, exeId] of [
      [{ ...mine.entrance, token: other.entrance.token }, 'exe_1'],
      [{ ...mine.entrance, token: '' }, 'exe_1'],
      [mine.entrance, 'exe_2'],
      [{ ...mine.entrance, url: other.entrance.url }, 'exe_2'],
    ] as const) {
      expect((await connect(entrance, exeId)).status).toBe(404);
    }
    mine.link.close();
    expect((await connect(mine.entrance)).status).toBe(404);
    expect(asked()).toHaveLength(before);
    expect((await connect(other.entrance, 'exe_2')).status).toBe(200);
  });

  it('leads nowhere else', async () => {
    const { entrance } = await open();
    for (const path of ['/cloud/environment/exe_1/register', '/api/exec-gateway/connected', '/..', '']) {
      const answer = await fetch(`${entrance.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${entrance.token}` },
      });
      expect(answer.status).toBe(404);
    }
    expect((await connect(entrance, 'exe_1', { harness: 'x'.repeat(70_000) })).status).toBe(413);
  });

  it.each([
    ['executor_offline', 503, 'executor_offline'],
    ['generation_mismatch', 409, 'generation_mismatch'],
    ['not_in_workspace', 403, 'not_in_workspace'],
    ['something_new', 418, 'other'],
  ])('tells in words of a refusal: %s', async (code, status, label) => {
    const { entrance, notices } = await open();
    connectAnswer = () => refusal(status, code);
    expect(await connect(entrance)).toMatchObject({ status, body: { error: { code } } });
    expect(notices).toEqual([`No command can run on executor exe_1: the message of ${code}`]);
    expect(counted).toEqual([label]);
    connectAnswer = () => MET;
    expect((await connect(entrance)).status).toBe(200);
  });

  it('tells of an exec-gateway that is away, or talks nonsense', async () => {
    const { entrance, notices } = await open();
    connectAnswer = () => (req) => req.socket.destroy();
    expect(await connect(entrance)).toMatchObject({ status: 503 });
    connectAnswer = () => ({ status: 500, body: 'no' });
    expect(await connect(entrance)).toMatchObject({ status: 503 });
    expect(notices[0]).toContain('the exec-gateway, to which it is connected, does not answer');
    expect(counted).toEqual(['exec_gateway_unreachable', 'exec_gateway_unreachable']);
  });

  it('ends with a revocation, until a client that was verified comes in: then it goes on with another turn', async () => {
    const { link, entrance, notices } = await open();
    await connect(entrance);
    const { turnId } = link.access;
    connectAnswer = () => refusal(401, 'unauthorized');
    expect((await connect(entrance)).status).toBe(401);
    expect(notices.at(-1)).toContain('revoked');
    connectAnswer = () => MET;
    const before = asked().length;
    expect(await connect(entrance)).toMatchObject({ status: 401, body: { error: { code: 'turn_revoked' } } });
    expect(asked()).toHaveLength(before);
    link.access.admitted();
    const again = await Promise.all([connect(entrance), connect(entrance)]);
    expect(again.map(({ status }) => status)).toEqual([200, 200]);
    const turns = asked()
      .slice(before)
      .map(({ headers }) => headers.authorization);
    expect(new Set(turns).size).toBeLessThanOrEqual(2);
    expect(lastToken().turn_id).not.toBe(turnId);
  });

  it('goes on with another turn for who came in while a revocation was on its way, also in the call that hears of it', async () => {
    const { link, entrance, notices } = await open();
    const { turnId } = link.access;
    connectAnswer = () => {
      link.access.admitted();
      connectAnswer = () => MET;
      return refusal(401, 'unauthorized');
    };
    expect((await connect(entrance)).status).toBe(200);
    expect(lastToken().turn_id).not.toBe(turnId);
    expect(notices).toEqual([]);
  });

  it('asks no third time in one call, whoever comes in', async () => {
    const { link, entrance } = await open();
    connectAnswer = () => {
      link.access.admitted();
      return refusal(401, 'unauthorized');
    };
    const before = asked().length;
    expect(await connect(entrance)).toMatchObject({ status: 401, body: { error: { code: 'turn_revoked' } } });
    expect(asked()).toHaveLength(before + 2);
    connectAnswer = () => MET;
    expect((await connect(entrance)).status).toBe(200);
  });

  it('gives the app-server a capability token of its turn, which opens nothing after the end of the turn', async () => {
    const { link, entrance } = await open();
    const [, payload = ''] = entrance.token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    expect(claims).toMatchObject({ turn_id: link.access.turnId, workspace_id: 'ws_1' });
    link.close();
    expect((await connect(entrance)).status).toBe(404);
  });

  it('has a bridge for an app-server without encryption, for that one only', async () => {
    const notices: string[] = [];
    const links = ['exe_1', 'exe_2'].map((exeId) =>
      legacyLinks.open({ workspaceId: 'ws_1', exeId }, (notice) => notices.push(notice)),
    );
    const [mine = '', other = ''] = (await Promise.all(links)).map(({ execution, close }) => {
      cleanup.after(close);
      if (execution.kind !== 'legacy-executor') throw new Error('it has a bridge');
      return execution.bridgeUrl;
    });
    const foreign = mine.replace(/token=.*/, `token=${new URL(other).searchParams.get('token')}`);
    const before = execGateway.requests.length;
    for (const url of [
      foreign,
      mine.replace(/token=.*/, ''),
      mine.replace('/bridge', ''),
      mine.replace('/bridge', '/x'),
    ]) {
      await expect(connectWebSocket({ url })).rejects.toMatchObject({ status: 404 });
    }
    expect(execGateway.requests).toHaveLength(before);
    expect(notices).toEqual([]);
    // This stand-in opens no WebSocket.
    await expect(connectWebSocket({ url: mine })).rejects.toMatchObject({ status: 503 });
    const { path, headers } = execGateway.requests.at(-1) ?? { path: '', headers: {} };
    expect(path).toBe('/bridge/exe_1?role=harness');
    const bearer = headers.authorization?.replace('Bearer ', '') ?? '';
    expect(capabilityToken.verify(bearer, SECRET, nowSeconds)).toMatchObject({ ok: true });
    expect(notices).toEqual([expect.stringContaining('No command can run on executor exe_1')]);
  });

  it('revokes its turn when its app-server has ended', async () => {
    const { link } = await open();
    const { turnId = '' } = link.access;
    link.close();
    link.close();
    await waitFor(() => revokedTurns().includes(turnId), { timeoutMs: PATIENCE_MS, describe: 'the revocation' });
    expect(revokedTurns().filter((id) => id === turnId)).toHaveLength(1);
  });
});
