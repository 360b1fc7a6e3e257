import { waitFor } from '@codex-gateways/testing';
import { type Answer, SHARED_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { deleteForgottenHomes } from './app-server-homes-store.ts';

interface Home {
  home_name: string;
  home_url: string;
  is_mine: boolean;
  epoch: number;
}

describe('where the app-server of a workspace lives', () => {
  const gateway = useExecGateway();
  const BASE = '/api/exec-gateway';
  const headers = { authorization: `Bearer ${SHARED_SECRET}` };
  const identity = (name: string) => ({ gateway_name: name, gateway_url: `http://${name}:8082`, lease_seconds: 300 });
  const acquire = async (workspace: string, name: string, more: object = {}): Promise<Home> => {
    const path = `${BASE}/app-server-homes/${workspace}/acquire`;
    const answer = await gateway.call<Home>('POST', path, { headers, body: { ...identity(name), ...more } });
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const renew = async (name: string, held: object[] = [], more: object = {}): Promise<string[]> => {
    const body = { ...identity(name), held, ...more };
    return (await gateway.call<{ lost: string[] }>('POST', `${BASE}/app-server-homes/renew`, { headers, body })).body
      .lost;
  };
  const release = (workspace: string, name: string, epoch: number): Promise<Answer> =>
    gateway.call('DELETE', `${BASE}/app-server-homes/${workspace}?gateway_name=${name}&epoch=${epoch}`, { headers });
  const forget = (name: string): Promise<Answer> => gateway.call('DELETE', `${BASE}/app-gateways/${name}`, { headers });
  const end = (table: string, column: string, value: string) =>
    gateway.pool.query(`update codex_exec.${table} set lease_expires_at = now() where ${column} = $1`, [value]);

  it('is the gateway that asked first, and again when it asks again', async () => {
    const first = { home_name: 'first', home_url: 'http://first:8082', epoch: 1 };
    expect(await acquire('ws-1', 'first')).toEqual({ ...first, is_mine: true });
    expect(await acquire('ws-1', 'second')).toEqual({ ...first, is_mine: false });
    expect(await acquire('ws-1', 'first')).toEqual({ ...first, is_mine: true });
  });

  it('is one of eight that ask at once', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `racer-${index}`);
    const homes = await Promise.all(names.map((name) => acquire('ws-race', name)));
    expect(homes.filter((home) => home.is_mine)).toHaveLength(1);
    expect(new Set(homes.map((home) => home.home_name)).size).toBe(1);
  });

  it('is one of eight that ask at once for what a dead gateway had', async () => {
    await acquire('ws-orphan', 'dead');
    await end('app_server_homes', 'workspace_id', 'ws-orphan');
    const names = Array.from({ length: 8 }, (_, index) => `heir-${index}`);
    const homes = await Promise.all(names.map((name) => acquire('ws-orphan', name)));
    expect(homes.filter((home) => home.is_mine)).toHaveLength(1);
    expect(homes.map((home) => home.epoch)).toEqual(names.map(() => 2));
  });

  it('stays with the last one, which has its files, while that is alive, also without a lease', async () => {
    await renew('keeper');
    await acquire('ws-files', 'keeper');
    expect((await release('ws-files', 'keeper', 1)).status).toBe(204);
    expect(await acquire('ws-files', 'asker')).toMatchObject({ home_name: 'keeper', is_mine: false });
    await end('app_gateways', 'gateway_name', 'keeper');
    expect(await acquire('ws-files', 'asker')).toMatchObject({ home_name: 'asker', is_mine: true, epoch: 2 });
  });

  it('goes over to one that cannot reach the last one, but not under a live lease', async () => {
    await renew('unreachable');
    await acquire('ws-cut', 'unreachable');
    expect(await acquire('ws-cut', 'asker', { take_over: true })).toMatchObject({ is_mine: false });
    await release('ws-cut', 'unreachable', 1);
    expect(await acquire('ws-cut', 'asker', { take_over: true })).toMatchObject({ is_mine: true, epoch: 2 });
  });

  it('is prolonged for as long as its gateway says so; a gateway that was away learns what it has lost', async () => {
    await acquire('ws-kept', 'slow');
    await acquire('ws-lost', 'slow');
    const held = ['ws-kept', 'ws-lost'].map((workspace_id) => ({ workspace_id, epoch: 1 }));
    expect(await renew('slow', held)).toEqual([]);
    await end('app_server_homes', 'workspace_id', 'ws-lost');
    expect(await acquire('ws-lost', 'quick', { take_over: true })).toMatchObject({ is_mine: true });
    expect(await renew('slow', held)).toEqual(['ws-lost']);
    expect(await acquire('ws-kept', 'quick', { take_over: true })).toMatchObject({ home_name: 'slow' });
    // What it does in its old epoch has no effect on the new one.
    expect((await release('ws-lost', 'slow', 1)).status).toBe(204);
    expect(await acquire('ws-lost', 'slow', { take_over: true })).toMatchObject({ home_name: 'quick', epoch: 2 });
  });

  it('ends with a lease that nobody prolongs', async () => {
    await acquire('ws-short', 'gone');
    expect(await acquire('ws-short', 'next')).toMatchObject({ is_mine: false });
    await acquire('ws-short', 'gone', { lease_seconds: 1 });
    await waitFor(async () => (await acquire('ws-short', 'next')).is_mine, {
      timeoutMs: PATIENCE_MS,
      describe: 'the lease to end',
    });
  });

  it('is free when its gateway ends in order, or another one has its address', async () => {
    await renew('leaving');
    await acquire('ws-left', 'leaving');
    expect((await forget('leaving')).status).toBe(204);
    expect(await acquire('ws-left', 'asker')).toMatchObject({ is_mine: true, epoch: 2 });
    await renew('killed');
    await acquire('ws-killed', 'killed');
    await renew('successor', [], { gateway_url: 'http://killed:8082' });
    expect(await acquire('ws-killed', 'asker')).toMatchObject({ is_mine: true });
  });

  it('is forgotten after a year', async () => {
    await acquire('ws-old', 'old');
    await gateway.pool.query(
      "update codex_exec.app_server_homes set lease_expires_at = now() - interval '366 days' where workspace_id = 'ws-old'",
    );
    await deleteForgottenHomes(gateway.pool, { unusedForSeconds: 365 * 86_400, limit: 10 });
    expect(await acquire('ws-old', 'new')).toMatchObject({ is_mine: true, epoch: 1 });
  });

  it.each([
    ['POST', '/app-server-homes/ws-1/acquire', { ...identity('a'), gateway_url: 'no url' }],
    ['POST', '/app-server-homes/ws-1/acquire', { ...identity('a'), lease_seconds: 0 }],
    ['POST', '/app-server-homes/ws-1/acquire', {}],
    ['POST', '/app-server-homes/renew', { ...identity('a'), held: [{ workspace_id: 'ws-1', epoch: 'one' }] }],
    ['DELETE', '/app-server-homes/ws-1', undefined],
    ['DELETE', '/app-server-homes/ws-1?gateway_name=a&epoch=x', undefined],
  ])('is asked for properly: %s %s %j', async (method, path, body) => {
    expect((await gateway.call(method, `${BASE}${path}`, { headers, ...(body ? { body } : {}) })).status).toBe(400);
  });

  it('is told to nobody without the secret that gateways share', async () => {
    for (const [method, path] of [
      ['POST', '/app-server-homes/ws-1/acquire'],
      ['POST', '/app-server-homes/renew'],
      ['DELETE', '/app-server-homes/ws-1'],
      ['DELETE', '/app-gateways/first'],
    ] as const) {
      expect((await gateway.call(method, `${BASE}${path}`)).status).toBe(401);
    }
  });
});
