import { once } from 'node:events';
import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { INTERNAL_SECRET, useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';

describe('the service as an operator sees it', () => {
  const gateway = useExecGateway();

  it('is healthy and ready', async () => {
    expect((await gateway.call('GET', '/healthz')).body).toEqual({ status: 'ok' });
    await waitFor(async () => (await gateway.call('GET', '/readyz')).status === 200, {
      timeoutMs: PATIENCE_MS,
      describe: 'readiness',
    });
    expect((await gateway.call('GET', '/readyz')).body).toEqual({ status: 'ready' });
  });

  it('has metrics of executors, bridges, streams, frames and bytes', async () => {
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId);
    const harness = await gateway.harness(exeId);
    const there = frame('resume', 's');
    const back = frame('data', 's', 'x'.repeat(1000));
    harness.send(there);
    await executor.receive(1);
    executor.send(back);
    await harness.receive(1);
    await gateway.revoke('turn-of-metrics');
    const expected = {
      codex_exec_connected_executors: 1,
      codex_exec_live_bridges: 1,
      codex_exec_live_streams: 1,
      codex_exec_revoked_turns: 1,
      'codex_exec_relayed_frames_total{direction="to_executor"}': 1,
      'codex_exec_relayed_frames_total{direction="to_harness"}': 1,
      'codex_exec_relayed_bytes_total{direction="to_executor"}': there.length,
      'codex_exec_relayed_bytes_total{direction="to_harness"}': back.length,
      'codex_exec_dropped_frames_total{reason="unknown_stream"}': 0,
      'codex_exec_registrations_total{outcome="noise"}': 1,
      'codex_exec_registrations_total{outcome="refused"}': 0,
      codex_exec_revocations_total: 1,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect([name, await gateway.metric(name)]).toEqual([name, value]);
    }
    harness.close();
    await harness.waitForClose();
    executor.close();
    await executor.waitForClose();
    for (const name of ['connected_executors', 'live_bridges', 'live_streams']) {
      await waitFor(async () => (await gateway.metric(`codex_exec_${name}`)) === 0, {
        timeoutMs: PATIENCE_MS,
        describe: `codex_exec_${name} to be 0`,
      });
    }
  });

  it.each([
    ['GET', '/cloud/environment/env_1/register', 'POST, OPTIONS'],
    ['PUT', '/cloud/executor/exe_1/register', 'POST, OPTIONS'],
    ['DELETE', '/cloud/environment/env_1/connect', 'POST, OPTIONS'],
    ['GET', '/cloud/environment/env_1/validate', 'POST, OPTIONS'],
    ['POST', '/api/exec-gateway/connected', 'GET, HEAD, OPTIONS'],
    ['GET', '/api/exec-gateway/revoke-turn', 'POST, OPTIONS'],
  ])('refuses a method that a path does not have, and says which it has: %s %s', async (method, path, allow) => {
    const answer = await fetch(`${gateway.url}${path}`, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
  });

  it('tells strangers nothing of the paths that need a secret', async () => {
    const path = `${gateway.url}/api/codex-exec/workspaces/ws_1/executors`;
    const methods = ['GET', 'PATCH', 'DELETE'];
    const answers = await Promise.all(methods.map((method) => fetch(path, { method })));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    const known = await fetch(path, { method: 'PATCH', headers: { 'x-internal-secret': INTERNAL_SECRET } });
    expect([known.status, known.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
  });

  it('answers in JSON where there is nothing', async () => {
    for (const path of ['/', '/cloud/environment', '/api/exec-gateway/nothing']) {
      const { status, body } = await gateway.call('GET', path);
      expect(status).toBe(404);
      expect(body).toMatchObject({ error: { code: 'not_found' } });
    }
  });

  it('answers with 4xx whatever a socket says, and lives on', async () => {
    const { port } = new URL(gateway.url);
    const requests = [
      'GET /bridge/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      'GET //evil HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'POST /bridge/x?token=a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET /codex-exec/%zz?token=%zz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET http://other/codex-exec/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GARBAGE\r\n\r\n',
    ];
    for (const request of requests) {
      const socket = createConnection(Number(port), '127.0.0.1');
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect([request, answer.toString().split('\r\n')[0]]).toEqual([
        request,
        expect.stringMatching(/^HTTP\/1\.1 4\d\d /),
      ]);
      socket.destroy();
    }
    expect((await gateway.call('GET', '/healthz')).status).toBe(200);
  });

  it('has a page of every variable that it reads', async () => {
    const { readFile } = await import('node:fs/promises');
    const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
    const [config, readme] = await Promise.all([read('../src/config.ts'), read('../README.md')]);
    const names = new Set(config.match(/CXG_[A-Z_]+/g));
    expect(names.size).toBeGreaterThan(20);
    for (const name of names) expect(readme).toContain(`\`${name}\``);
  });
});
