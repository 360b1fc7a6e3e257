import { connect as connectTcp } from 'node:net';
import { waitFor } from '@codex-gateways/testing';
import { mintWsTicket } from '@codex-gateways/tokens';
import { CAPTOKEN_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { connect, tryConnect, upgradeStatus } from '../../test/support/peer.ts';

describe('ws /codex-exec/{exe_id}: tickets', () => {
  const gateway = useExecGateway();
  const socketUrl = (exeId: string, query: string) => `${gateway.wsUrl}/codex-exec/${exeId}${query}`;
  const nowSeconds = () => gateway.clock.nowSeconds();

  it('opens with the ticket of a registration, and again while the ticket lives', async () => {
    const exeId = await gateway.bound();
    const { url } = await gateway.registered(exeId);
    for (let round = 0; round < 3; round += 1) {
      const peer = await connect(url);
      expect(await gateway.connected()).toMatchObject([{ exe_id: exeId }]);
      peer.close();
      await peer.waitForClose();
    }
  });

  it('opens with a slash at the end of the path too, as HTTP requests are answered', async () => {
    const exeId = await gateway.bound();
    const { ticket } = await gateway.registered(exeId);
    expect(await upgradeStatus(socketUrl(exeId, `/?token=${ticket}`))).toBe(101);
    expect(await upgradeStatus(socketUrl(exeId, `//?token=${ticket}`))).toBe(404);
  });

  it('counts as connected as soon as the 101 is there', async () => {
    const exeId = await gateway.bound('ws-now');
    const { peer } = await gateway.online(exeId);
    expect(await gateway.connected('ws-now')).toHaveLength(1);
    peer.close();
  });

  it('refuses every ticket that does not hold with 401', async () => {
    const [exeId, other] = [await gateway.executor(), await gateway.executor()];
    const { ticket } = await gateway.registered(exeId);
    const { ticket: foreign } = await gateway.registered(other);
    const expired = mintWsTicket(exeId, nowSeconds(), CAPTOKEN_SECRET);
    const forged = mintWsTicket(exeId, nowSeconds() + 60, 'a-secret-of-somebody-else');
    const [id, expiry, signature] = ticket.split('.');
    const queries = [
      '',
      '?token=',
      '?token=x',
      `?token=${ticket}&token=${ticket}`,
      `?token=${foreign}`,
      `?token=${expired}`,
      `?token=${forged}`,
      `?token=${id}.${Number(expiry) + 600}.${signature}`,
      `?token=${gateway.capability()}`,
      `?Token=${ticket}`,
    ];
    for (const query of queries) expect(await upgradeStatus(socketUrl(exeId, query))).toBe(401);
    expect(await upgradeStatus(socketUrl(exeId, `?token=${ticket}`))).toBe(101);
  });

  it('refuses with 401 when the executor no longer exists, so that it registers and is told', async () => {
    const exeId = await gateway.executor();
    const { url } = await gateway.registered(exeId);
    await gateway.manage('DELETE', `/executors/${exeId}`);
    expect(await upgradeStatus(url)).toBe(401);
  });

  it('refuses a dead ticket with 503 while registering would fail', async () => {
    const exeId = await gateway.executor();
    const dead = socketUrl(exeId, `?token=${mintWsTicket(exeId, nowSeconds() - 1, CAPTOKEN_SECRET)}`);
    gateway.agentserver.mood = 'errs';
    // An answer about reachability counts for a second.
    await waitFor(async () => (await upgradeStatus(dead)) === 503, { timeoutMs: PATIENCE_MS, describe: 'a 503' });
    gateway.agentserver.mood = 'answers';
    await waitFor(async () => (await upgradeStatus(dead)) === 401, { timeoutMs: PATIENCE_MS, describe: 'a 401 again' });
  });

  it('takes a live ticket while the validator is away', async () => {
    const exeId = await gateway.executor();
    const { url } = await gateway.registered(exeId);
    gateway.agentserver.mood = 'hangs up';
    expect(await upgradeStatus(url)).toBe(101);
    gateway.agentserver.mood = 'answers';
  });

  it('takes a ticket of this secret that was minted elsewhere, as the latest registration', async () => {
    const exeId = await gateway.bound('ws-elsewhere');
    await gateway.registered(exeId);
    const minted = mintWsTicket(exeId, nowSeconds() + 77, CAPTOKEN_SECRET);
    const peer = await connect(socketUrl(exeId, `?token=${minted}`));
    expect(await gateway.connected('ws-elsewhere')).toMatchObject([{ generation: 'noise' }]);
    peer.close();
  });

  it.each(['%00', 'a%20b', 'x'.repeat(300), 'exe_%F0%9F%92%A9'])('refuses the odd id %s with 401', async (exeId) => {
    const ticket = mintWsTicket('exe_1', nowSeconds() + 60, CAPTOKEN_SECRET);
    expect(await upgradeStatus(socketUrl(exeId, `?token=${ticket}`))).toBe(401);
  });

  it.each([
    '/',
    '/codex-exec',
    '/codex-exec/',
    '/codex-exec/a/b',
    '/bridge',
    '/api/exec-gateway/connected',
    '/__proto__/x',
  ])('refuses a WebSocket at %s with 404', async (path) => {
    expect(await upgradeStatus(`${gateway.wsUrl}${path}`)).toBe(404);
  });

  it('answers 400 to a request that is no proper handshake, which takes nobody their place', async () => {
    const exeId = await gateway.bound('ws-half');
    const { peer, registered } = await gateway.online(exeId);
    const { pathname, search, port } = new URL(registered.url);
    const socket = connectTcp(Number(port), '127.0.0.1');
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    expect(await gateway.connected('ws-half')).toHaveLength(1);
    expect(peer.closed).toBeUndefined();
    peer.close();
  });

  it('takes a whole URL in the request line, as RFC 6455 §4.2.1 allows it', async () => {
    const { url } = await gateway.registered(await gateway.executor());
    const { host, port } = new URL(url);
    const socket = connectTcp(Number(port), '127.0.0.1');
    const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const lines = [`GET ${url.replace('ws:', 'http:')} HTTP/1.1`, `Host: ${host}`, ...headers];
    socket.write(`${lines.join('\r\n')}\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`);
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it('tells why in JSON, and never logs the ticket', async () => {
    const exeId = await gateway.executor();
    const ticket = mintWsTicket(exeId, nowSeconds() - 5, CAPTOKEN_SECRET);
    const refused = await tryConnect(socketUrl(exeId, `?token=${ticket}`));
    expect(refused).toMatchObject({ kind: 'refused', status: 401 });
    if (refused.kind === 'refused') {
      expect(JSON.parse(refused.body)).toMatchObject({ error: { code: 'invalid_ticket' } });
    }
    expect(gateway.logLines.join('')).toContain('"refusal":"expired"');
    expect(gateway.logLines.join('')).not.toContain(ticket);
  });
});

describe('ws /codex-exec/{exe_id}: connections', () => {
  const gateway = useExecGateway({ CXG_PING_INTERVAL: '300ms', CXG_SWEEP_INTERVAL: '200ms' });

  it('lets the newest connection win and closes the older one', async () => {
    const exeId = await gateway.bound('ws-newest');
    const { url } = await gateway.registered(exeId);
    const older = await connect(url);
    const newer = await connect(url);
    expect(await older.waitForClose()).toMatchObject({ code: 4409 });
    expect(newer.closed).toBeUndefined();
    expect(await gateway.connected('ws-newest')).toHaveLength(1);
  });

  it('does not let the late close of a replaced connection remove the newer one', async () => {
    const exeId = await gateway.bound('ws-late');
    const { url } = await gateway.registered(exeId);
    const older = await connect(url);
    older.ws.pause(); // it does not see the close frame for now
    const newer = await connect(url);
    older.ws.resume();
    await older.waitForClose();
    expect(await gateway.connected('ws-late')).toHaveLength(1);
    newer.close();
  });

  it('keeps one of many that come at once', async () => {
    const exeId = await gateway.bound('ws-many');
    const { url } = await gateway.registered(exeId);
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => tryConnect(url)));
    const open = outcomes.flatMap((outcome) => (outcome.kind === 'open' ? [outcome.peer] : []));
    expect(outcomes.filter((outcome) => outcome.kind === 'refused' && outcome.status !== 503)).toEqual([]);
    await waitFor(() => open.filter((peer) => !peer.closed).length === 1, {
      timeoutMs: PATIENCE_MS,
      describe: () => `one open connection; ${open.filter((peer) => !peer.closed).length} are`,
    });
    expect(await gateway.connected('ws-many')).toHaveLength(1);
    const { rows } = await gateway.pool.query('select 1 from codex_exec.executor_connections where exe_id = $1', [
      exeId,
    ]);
    expect(rows).toHaveLength(1);
  });

  it('pings, and keeps a peer that answers', async () => {
    const exeId = await gateway.bound('ws-ping');
    const { peer } = await gateway.online(exeId);
    let pings = 0;
    peer.ws.on('ping', () => {
      pings += 1;
    });
    await waitFor(() => pings >= 5, { timeoutMs: PATIENCE_MS, describe: 'five pings' });
    expect(peer.closed).toBeUndefined();
    peer.close();
  });

  it('notices a dead peer within two intervals, and takes it off the record', async () => {
    const exeId = await gateway.bound('ws-dead');
    const { peer } = await gateway.online(exeId);
    const { peer: witness } = await gateway.online(await gateway.bound('ws-witness'));
    const isNoticed = () => gateway.logLines.some((line) => line.includes(exeId) && line.includes('does not answer'));
    let pings = 0;
    peer.ws.pause(); // as a machine that lost its network: no pong, no FIN
    witness.ws.on('ping', () => {
      if (!isNoticed()) pings += 1;
    });
    await waitFor(async () => (await gateway.connected('ws-dead')).length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'the dead executor to be noticed',
    });
    expect(isNoticed()).toBe(true);
    expect(pings).toBeLessThanOrEqual(2); // one an interval
    expect(witness.closed).toBeUndefined();
    for (const { ws } of [peer, witness]) ws.terminate();
  });

  it('removes the registrations that nothing refers to any more, and keeps the others', async () => {
    const exeId = await gateway.executor();
    for (let round = 0; round < 4; round += 1) await gateway.registered(exeId);
    const { peer, registered } = await gateway.online(exeId);
    const latest = await gateway.registered(exeId);
    gateway.clock.advanceSeconds(1000);
    const remaining = async () => {
      const { rows } = await gateway.pool.query<{ executor_registration_id: string }>(
        'select executor_registration_id from codex_exec.executor_registrations where exe_id = $1',
        [exeId],
      );
      return rows.map((row) => row.executor_registration_id).sort();
    };
    await waitFor(async () => (await remaining()).length === 2, {
      timeoutMs: PATIENCE_MS,
      describe: 'two registrations left',
    });
    expect(await remaining()).toEqual([registered.registrationId, latest.registrationId].sort());
    peer.close();
  });
});

describe("ws /codex-exec/{exe_id}: the caller's address", () => {
  const gateway = useExecGateway({ CXG_TRUSTED_PROXY_HOPS: '1' });

  it('is what the one trusted proxy says, and not what the caller claims before it', async () => {
    const exeId = await gateway.executor();
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
    const registered = await gateway.call('POST', `/cloud/environment/${exeId}/register`, {
      headers: { ...headers, authorization: 'Bearer owner-token' },
    });
    const peer = await connect(String(registered.body.url), headers);
    const { rows } = await gateway.pool.query(
      `select host(e.client_ip) as registered_from, host(c.client_ip) as connected_from
         from codex_exec.executors e
         join codex_exec.executor_connections c on c.exe_id = e.exe_id
        where e.exe_id = $1`,
      [exeId],
    );
    expect(rows).toEqual([{ registered_from: '198.51.100.7', connected_from: '198.51.100.7' }]);
    peer.close();
  });

  it('is nothing where a proxy says nonsense', async () => {
    const exeId = await gateway.executor();
    const { url } = await gateway.registered(exeId);
    const peer = await connect(url, { 'x-forwarded-for': 'unknown' });
    const { rows } = await gateway.pool.query(
      'select client_ip from codex_exec.executor_connections where exe_id = $1',
      [exeId],
    );
    expect(rows).toEqual([{ client_ip: null }]);
    peer.close();
  });
});
