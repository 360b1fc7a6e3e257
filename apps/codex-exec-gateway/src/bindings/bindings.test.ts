import { useCleanup, waitFor } from '@codex-gateways/testing';
import { INTERNAL_SECRET, SHARED_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';

type Bound = Record<string, unknown>;

describe('bindings: POST, GET and DELETE …/workspaces/{wid}/executors', () => {
  const gateway = useExecGateway();

  const list = async (workspaceId: string) =>
    (await gateway.manage<Bound[]>('GET', `/workspaces/${workspaceId}/executors`)).body;
  const bind = (workspaceId: string, body: Record<string, unknown>) =>
    gateway.manage('POST', `/workspaces/${workspaceId}/executors`, body);

  it('binds an executor and lists it', async () => {
    const exeId = await gateway.executor('box 7');
    const bound = await bind('ws-list', { exe_id: exeId, name: 'laptop', description: 'two\nlines', is_default: true });
    expect(bound).toMatchObject({
      status: 201,
      body: { workspace_id: 'ws-list', exe_id: exeId, name: 'laptop', description: 'two\nlines', is_default: true },
    });
    expect(await list('ws-list')).toEqual([
      {
        exe_id: exeId,
        name: 'laptop',
        description: 'two\nlines',
        is_default: true,
        display_name: 'box 7',
        is_online: false,
        generation: null,
        connected_at: null,
        duel: null,
        last_seen_at: null,
        codex_version: null,
        os: null,
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
  });

  it('takes the name of the executor when none is given', async () => {
    const exeId = await gateway.executor('box 8');
    expect((await bind('ws-name', { exe_id: exeId })).body).toMatchObject({ name: 'box 8', is_default: false });
  });

  it('changes a binding by binding again, and keeps what is not mentioned', async () => {
    const exeId = await gateway.executor();
    await bind('ws-again', { exe_id: exeId, name: 'first', description: 'd', is_default: true });
    const again = await bind('ws-again', { exe_id: exeId, name: 'second' });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ name: 'second', description: 'd', is_default: true });
    expect(await list('ws-again')).toHaveLength(1);
  });

  it('moves the default from one executor to another', async () => {
    const [first, second] = [await gateway.executor(), await gateway.executor()];
    await bind('ws-default', { exe_id: first, name: 'a', is_default: true });
    await bind('ws-default', { exe_id: second, name: 'b', is_default: true });
    const defaults = (await list('ws-default')).map((each) => [each.exe_id, each.is_default]);
    expect(defaults).toEqual([
      [second, true],
      [first, false],
    ]);
  });

  it('keeps one default however many are bound as default at once', async () => {
    const exeIds = await Promise.all(Array.from({ length: 8 }, () => gateway.executor()));
    const statuses = await Promise.all(
      exeIds.map(async (exeId, index) => {
        const { status } = await bind('ws-race', { exe_id: exeId, name: `n${index}`, is_default: true });
        return status;
      }),
    );
    expect(statuses).toEqual(Array(8).fill(201));
    expect((await list('ws-race')).filter((each) => each.is_default)).toHaveLength(1);
  });

  it('answers 404 to an unknown executor and leaves the default alone', async () => {
    const exeId = await gateway.executor();
    await bind('ws-unknown', { exe_id: exeId, name: 'a', is_default: true });
    const refused = await bind('ws-unknown', { exe_id: 'exe_nobody', name: 'b', is_default: true });
    expect(refused).toMatchObject({ status: 404, body: { error: { code: 'executor_not_found' } } });
    expect(await list('ws-unknown')).toMatchObject([{ exe_id: exeId, is_default: true }]);
  });

  it.each([
    ['no exe_id', { name: 'x' }],
    ['an empty name', { exe_id: 'exe_1', name: '' }],
    ['a default that is a text', { exe_id: 'exe_1', is_default: 'yes' }],
    ['a NUL in the description', { exe_id: 'exe_1', description: '\0' }],
    ['a NUL in the id', { exe_id: 'exe_1\0' }],
    ['a description of 2001 characters', { exe_id: 'exe_1', description: 'x'.repeat(2001) }],
  ])('answers 400 to %s', async (_what, body) => {
    expect((await bind('ws-bad', body)).status).toBe(400);
  });

  it.each(['%00', 'a%20b', 'x'.repeat(129)])('answers 400 to the workspace id %s', async (workspaceId) => {
    expect((await gateway.manage('GET', `/workspaces/${workspaceId}/executors`)).status).toBe(400);
  });

  it('unbinds, and again', async () => {
    const exeId = await gateway.bound('ws-unbind');
    expect((await gateway.manage('DELETE', `/workspaces/ws-unbind/executors/${exeId}`)).status).toBe(204);
    expect((await gateway.manage('DELETE', `/workspaces/ws-unbind/executors/${exeId}`)).status).toBe(204);
    expect(await list('ws-unbind')).toEqual([]);
  });

  it('closes the bridges of a binding that ends, and no others', async () => {
    const exeId = await gateway.bound('ws-a');
    await bind('ws-b', { exe_id: exeId, name: 'shared' });
    await gateway.online(exeId);
    const ofA = await gateway.harness(exeId, { workspaceId: 'ws-a', turnId: 'turn-a' });
    const ofB = await gateway.harness(exeId, { workspaceId: 'ws-b', turnId: 'turn-b' });
    await gateway.manage('DELETE', `/workspaces/ws-a/executors/${exeId}`);
    expect(await ofA.waitForClose()).toMatchObject({ code: 4401 });
    expect(ofB.closed).toBeUndefined();
  });

  it('goes with the executor when that is deleted', async () => {
    const exeId = await gateway.bound('ws-deleted');
    await gateway.manage('DELETE', `/executors/${exeId}`);
    expect(await list('ws-deleted')).toEqual([]);
  });

  it('says who is online, and when one that left was last seen', async () => {
    const exeId = await gateway.bound('ws-online');
    const { peer } = await gateway.online(exeId);
    expect(await list('ws-online')).toMatchObject([
      { exe_id: exeId, is_online: true, generation: 'noise', connected_at: expect.any(String) },
    ]);
    const leftAtMs = Date.now();
    peer.close();
    await waitFor(async () => (await list('ws-online'))[0]?.is_online === false, {
      timeoutMs: PATIENCE_MS,
      describe: 'the executor to be offline',
    });
    const [left] = await list('ws-online');
    expect(Date.parse(String(left?.last_seen_at))).toBeGreaterThanOrEqual(leftAtMs);
  });

  it('needs the secret', async () => {
    for (const headers of [
      {},
      { 'x-internal-secret': SHARED_SECRET },
      { authorization: `Bearer ${INTERNAL_SECRET}` },
    ]) {
      const answer = await gateway.call('GET', '/api/codex-exec/workspaces/ws-1/executors', {
        headers: headers as Record<string, string>,
      });
      expect(answer.status).toBe(401);
    }
  });
});

describe('GET /api/exec-gateway/connected', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway();
  const connected = (query: string, bearer?: string) =>
    gateway.call<Bound[]>('GET', `/api/exec-gateway/connected${query}`, {
      headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
    });

  it('has the executors that are bound and connected, and with include_offline the others too', async () => {
    const online = await gateway.bound('ws-1', { name: 'on', is_default: true });
    const offline = await gateway.bound('ws-1', { name: 'off' });
    const elsewhere = await gateway.bound('ws-2');
    for (const exeId of [online, elsewhere]) {
      const { peer } = await gateway.online(exeId);
      cleanup.after(() => peer.close());
    }
    expect((await connected('?workspace_id=ws-1', SHARED_SECRET)).body).toEqual([
      {
        exe_id: online,
        name: 'on',
        description: '',
        is_default: true,
        is_online: true,
        generation: 'noise',
        connected_at: expect.any(String),
      },
    ]);
    const all = await connected('?workspace_id=ws-1&include_offline=true', SHARED_SECRET);
    expect(all.body.map((each) => [each.exe_id, each.is_online])).toEqual([
      [online, true],
      [offline, false],
    ]);
  });

  it('takes the workspace from a capability token, whatever the query says', async () => {
    const { body } = await connected('?workspace_id=ws-2', gateway.capability({ workspaceId: 'ws-1' }));
    expect(body.map((each) => each.name)).toEqual(['on']);
  });

  it('names legacy executors as such', async () => {
    const exeId = await gateway.bound('ws-legacy');
    const { peer } = await gateway.online(exeId, { legacy: true });
    cleanup.after(() => peer.close());
    expect((await connected('?workspace_id=ws-legacy', SHARED_SECRET)).body).toMatchObject([{ generation: 'legacy' }]);
  });

  it('answers 400 without a workspace, and to two', async () => {
    expect((await connected('', SHARED_SECRET)).status).toBe(400);
    expect((await connected('?workspace_id=a&workspace_id=b', SHARED_SECRET)).status).toBe(400);
  });

  it('answers 401 without a bearer, to a wrong one, and to the token of a revoked turn', async () => {
    const revoked = gateway.capability({ turnId: 'turn-revoked' });
    await gateway.revoke('turn-revoked');
    for (const bearer of [undefined, 'wrong', INTERNAL_SECRET, revoked]) {
      expect((await connected('?workspace_id=ws-1', bearer)).status).toBe(401);
    }
  });
});
