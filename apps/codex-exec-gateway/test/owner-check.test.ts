import { waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect, type Peer, upgradeStatus } from './support/peer.ts';

const QUICK = { CXG_OWNER_CHECK_INTERVAL: '200ms' };

describe('owners who were disabled while codex-auth could not reach this service', () => {
  const gateway = useExecGateway(QUICK);
  const { agentserver } = gateway;

  /** An executor of a user, connected, with a bridge. */
  const connectedOf = async (userId: string) => {
    const exeId = `exe_${crypto.randomUUID()}`;
    await gateway.pool.query(
      `insert into codex_exec.executors (exe_id, owner_user_id, display_name) values ($1, $2, 'a laptop')`,
      [exeId, userId],
    );
    await gateway.manage('POST', '/workspaces/ws-1/executors', { exe_id: exeId });
    gateway.agentserver.knows(`token-of-${userId}`, userId);
    const { body } = await gateway.call('POST', `/cloud/environment/${exeId}/register`, {
      headers: { authorization: `Bearer token-of-${userId}` },
    });
    const executor = await connect(String(body.url));
    const harness = await connect(gateway.legacyBridgeUrl(exeId));
    harness.send(frame('resume', 's'));
    await executor.receive(1);
    return { exeId, url: String(body.url), executor, harness };
  };

  const askedSince = (count: number, about: string) =>
    waitFor(
      () =>
        agentserver.askedAbout
          .slice(count)
          .filter((ids) => ids.includes(about))
          .at(1),
      { timeoutMs: PATIENCE_MS, describe: `two questions about ${about}` },
    );

  const expectUndisturbed = async ({ executor, harness }: { executor: Peer; harness: Peer }) => {
    const seen = executor.frames.length;
    harness.send(frame('data', 's', 'still there'));
    await executor.receive(seen + 1);
    expect(executor.closed ?? harness.closed).toBeUndefined();
  };

  afterEach(() => {
    agentserver.mood = 'answers';
    agentserver.disabled = new Set();
  });

  it('lose their executors, bridges and tickets, and nobody else does', async () => {
    const [gone, staying] = [await connectedOf('user-gone'), await connectedOf('user-staying')];
    agentserver.disabled?.add('user-gone');
    expect(await gone.executor.waitForClose()).toMatchObject({ code: 4401 });
    expect(await gone.harness.waitForClose()).toMatchObject({ code: expect.any(Number) });
    expect(await upgradeStatus(gone.url)).toBe(401);
    await askedSince(agentserver.askedAbout.length, 'user-staying');
    await expectUndisturbed(staying);
  });

  it('are asked about while they have executors here, and not afterwards', async () => {
    const { executor } = await connectedOf('user-leaving');
    await askedSince(0, 'user-leaving');
    executor.close();
    await waitFor(() => !agentserver.askedAbout.at(-1)?.includes('user-leaving'), {
      timeoutMs: PATIENCE_MS,
      describe: 'a question without that user',
    });
  });

  it.each(['errs', 'talks nonsense', 'hangs up'] as const)(
    'stay while codex-auth %s, which is said once',
    async (mood) => {
      const here = await connectedOf('user-here');
      agentserver.disabled?.add('user-here');
      agentserver.mood = mood;
      const words = 'could not be checked';
      const said = () => gateway.logLines.filter((line) => line.includes(words)).length;
      const before = said();
      await waitFor(() => said() > before, { timeoutMs: PATIENCE_MS, describe: 'the log to say so' });
      await expectUndisturbed(here);
      expect(said()).toBe(before + 1);
      agentserver.mood = 'answers';
      await here.executor.waitForClose();
    },
  );

  it('stay at a server that has no such endpoint, which is said once', async () => {
    const here = await connectedOf('user-of-another-server');
    agentserver.disabled = undefined;
    const before = agentserver.validations.length;
    await waitFor(() => agentserver.validations.length >= before + 3, {
      timeoutMs: PATIENCE_MS,
      describe: 'three questions',
    });
    await expectUndisturbed(here);
    expect(gateway.logLines.filter((line) => line.includes('users/active is not there'))).toHaveLength(1);
  });

  it('are asked about a thousand at a time', async () => {
    const { executor } = await connectedOf('user-real');
    await gateway.pool.query(
      `with made as (
         insert into codex_exec.executors (exe_id, owner_user_id, display_name)
         select 'exe_many_' || number, 'user-many-' || number, 'x' from generate_series(1, 1500) as number
         returning exe_id)
       insert into codex_exec.executor_connections (exe_id, connection_id, connection_number, replica_id, generation)
       select exe_id, gen_random_uuid(), nextval('codex_exec.connection_number'), replica_id, 'noise'
         from made cross join codex_exec.replicas`,
    );
    const from = agentserver.askedAbout.length;
    const asked = () => new Set(agentserver.askedAbout.slice(from).flat());
    await waitFor(() => asked().size >= 1501, { timeoutMs: PATIENCE_MS, describe: 'questions about all' });
    expect(Math.max(...agentserver.askedAbout.map((ids) => ids.length))).toBe(1000);
    executor.close();
  });
});
