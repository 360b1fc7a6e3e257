import { randomUUID } from 'node:crypto';
import { waitFor } from '@codex-gateways/testing';
import { type Person, useWorld } from '../../test/use-world.ts';

const REPORT = '/internal/codex-auth/remote-sessions';
/** By so much two readings of one clock may differ: the database rounds what Node.js cuts off. */
const CLOCK_GRAIN_MS = 1;

describe('sessions of codex --remote', () => {
  const world = useWorld({ CODEX_AUTH_CLEANUP_INTERVAL: '1s' });
  let owner: Person;
  let member: Person;
  let workspaceId: string;
  let gatewayId: string;

  beforeEach(async () => {
    [owner, member] = [await world.addPerson(), await world.addPerson()];
    workspaceId = await world.addWorkspace([
      { person: owner, role: 'owner' },
      { person: member, role: 'member' },
    ]);
    gatewayId = randomUUID();
  });

  const sessionOf = (person: Person, more: object = {}) => ({
    ...{ id: randomUUID(), workspace_id: workspaceId, user_id: person.id, opened_ms_ago: 1000, ...more },
  });
  const report = (sessions: readonly object[], from = gatewayId) =>
    world.internal(REPORT, { gateway_id: from, sessions });
  const list = async (person: Person, query = `workspace_id=${workspaceId}`) =>
    (await world.call(person, 'GET', `/api/codex/sessions?${query}`)).body;

  it('are listed as they are reported, with what is known of the client', async () => {
    const opened = sessionOf(member, {
      remote_token_id: 't1',
      ip: '203.0.113.9',
      user_agent: 'codex',
      opened_ms_ago: 60_000,
    });
    const reportedFromMs = Date.now();
    expect((await report([opened])).status).toBe(204);
    const reportedUntilMs = Date.now();
    await report([{ ...opened, client_name: 'codex-tui', client_version: '0.169.0' }]);
    const [listed, ...others] = await list(owner);
    expect(others).toEqual([]);
    expect(listed).toEqual({
      ...{ id: opened.id, workspace_id: workspaceId, user_id: member.id, email: member.email, remote_token_id: 't1' },
      ...{ client_name: 'codex-tui', client_version: '0.169.0', ip: '203.0.113.9', user_agent: 'codex' },
      ...{ opened_at: expect.any(String), ended_at: null, close_code: null },
    });
    const firstSeenMs = Date.parse(listed.opened_at) + 60_000;
    expect(firstSeenMs).toBeGreaterThanOrEqual(reportedFromMs - CLOCK_GRAIN_MS);
    expect(firstSeenMs).toBeLessThanOrEqual(reportedUntilMs + CLOCK_GRAIN_MS);
  });

  it('that are one’s own and open stand on the account page, as text whatever the client is called', async () => {
    const [mine, ended] = [sessionOf(owner, { client_name: '<b>tui' }), sessionOf(owner, { client_name: 'ended' })];
    await report([mine, { ...ended, closed_ms_ago: 0 }, sessionOf(member, { client_name: 'of somebody else' })]);
    const { text } = await world.call(owner, 'GET', '/account');
    expect(text).toContain('Connected now with codex --remote');
    expect(text).toContain('&lt;b&gt;tui');
    expect(text).not.toContain('ended');
    expect(text).not.toContain('of somebody else');
    expect((await world.call(await world.addPerson(), 'GET', '/account')).text).not.toContain('Connected now');
  });

  it('end when they are reported closed, and are still known for a while', async () => {
    const session = sessionOf(member);
    await report([session]);
    await report([{ ...session, closed_ms_ago: 0, close_code: 1000 }]);
    expect(await list(owner)).toEqual([]);
    expect(await list(owner, `workspace_id=${workspaceId}&include_ended=true`)).toMatchObject([
      { id: session.id, ended_at: expect.any(String), close_code: 1000 },
    ]);
  });

  it('end with a gateway that is not heard of any more, and are back with its next word', async () => {
    await report([sessionOf(member)]);
    await world.db.query(
      `update codex_auth.remote_session_gateways set seen_at = now() - interval '61 seconds' where id = $1`,
      [gatewayId],
    );
    expect(await list(owner)).toEqual([]);
    expect(await list(owner, `workspace_id=${workspaceId}&include_ended=1`)).toMatchObject([
      { ended_at: expect.any(String) },
    ]);
    await report([]);
    expect(await list(owner)).toHaveLength(1);
  });

  it('are for owners to see, one’s own for members, all for administrators, and none for strangers', async () => {
    const [mine, theirs] = [sessionOf(member), sessionOf(owner)];
    await report([mine, theirs]);
    const admin = await world.addPerson({ role: 'admin' });
    const stranger = await world.addPerson();
    const ids = (sessions: { id: string }[]) => sessions.map(({ id }) => id).sort();
    const both = [mine.id, theirs.id].sort();
    expect(ids(await list(owner))).toEqual(both);
    expect(ids(await list(member))).toEqual([mine.id]);
    expect(ids(await list(owner, ''))).toEqual([theirs.id]);
    expect(ids(await list(admin))).toEqual(both);
    expect(ids(await list(admin, ''))).toEqual(expect.arrayContaining(both));
    expect((await world.call(stranger, 'GET', `/api/codex/sessions?workspace_id=${workspaceId}`)).status).toBe(404);
    expect((await world.call(undefined, 'GET', '/api/codex/sessions')).status).toBe(401);
  });

  it('of unknown users and workspaces are passed over, and those beside them are not', async () => {
    const good = sessionOf(owner);
    const sessions = [sessionOf(owner, { user_id: 'nobody' }), good, sessionOf(owner, { workspace_id: 'nowhere' })];
    expect((await report(sessions)).status).toBe(204);
    expect(await list(owner)).toMatchObject([{ id: good.id }]);
  });

  it('belong to the gateway that reported them first', async () => {
    const session = sessionOf(owner);
    await report([session]);
    await report([{ ...session, closed_ms_ago: 0 }], randomUUID());
    expect(await list(owner)).toHaveLength(1);
  });

  it('take whatever a client calls itself, cut and without control characters, and no address that is none', async () => {
    const odd = { client_name: `a\u0000b\ud800${'c'.repeat(500)}`, client_version: '\u001b[31m1', ip: 'localhost' };
    expect((await report([sessionOf(owner, odd)])).status).toBe(204);
    const [listed] = await list(owner);
    expect(listed).toMatchObject({ client_version: '[31m1', ip: null });
    expect(listed.client_name).toMatch(/^abc{96}$/);
  });

  it.each([
    ['no gateway', { sessions: [] }],
    ['an id that is none', { gateway_id: randomUUID(), sessions: [{ id: 'x' }] }],
    ['too many at once', { gateway_id: randomUUID(), sessions: Array.from({ length: 201 }, () => ({})) }],
  ])('are refused with %s', async (_what, body) => {
    expect((await world.internal(REPORT, body)).status).toBe(400);
    expect((await world.internal(REPORT, body, 'another')).status).toBe(401);
  });

  it('are forgotten after 30 days, and their gateways with them', async () => {
    const [old, recent] = [sessionOf(owner), sessionOf(owner)];
    await report([{ ...old, closed_ms_ago: 31 * 86_400_000 }, recent]);
    const lost = randomUUID();
    await report([sessionOf(owner)], lost);
    await world.db.query(
      `update codex_auth.remote_session_gateways set seen_at = now() - interval '31 days' where id = $1`,
      [lost],
    );
    await waitFor(
      async () => {
        const { rows } = await world.db.query(
          `select (select array_agg(id) from codex_auth.remote_sessions where workspace_id = $1) as sessions,
                  (select count(*)::integer from codex_auth.remote_session_gateways where id = $2) as gateways`,
          [workspaceId, lost],
        );
        return JSON.stringify(rows[0]) === JSON.stringify({ sessions: [recent.id], gateways: 0 });
      },
      { timeoutMs: 60_000, describe: 'the old ones to be gone' },
    );
  });
});
