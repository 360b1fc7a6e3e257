import { fingerprint } from '@codex-gateways/crypto';
import { runTurn, useCleanup, waitFor } from '@codex-gateways/testing';
import { mintWsTicket } from '@codex-gateways/tokens';
import { CAPTOKEN_SECRET, useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect } from './support/peer.ts';
import { noiseHarness, startRealExecutor, startRealHarness, startSignedInExecutor } from './support/real-codex.ts';

const TEST_TIMEOUT_MS = 5 * PATIENCE_MS;

describe('the real Codex CLI at this gateway', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway();

  const online = (workspaceId: string) =>
    waitFor(async () => (await gateway.connected(workspaceId))[0], {
      timeoutMs: PATIENCE_MS,
      describe: () => `the executor of ${workspaceId} to connect; the gateway's log: ${gateway.logLines.join('')}`,
    });

  /** Lets the executor's connection be replaced and gives the place free again: an ordinary close, as the CLI sees it. */
  const interrupt = async (exeId: string) => {
    const ticket = mintWsTicket(exeId, gateway.clock.nowSeconds() + 60, CAPTOKEN_SECRET);
    const intruder = await connect(`${gateway.wsUrl}/codex-exec/${exeId}?token=${ticket}`);
    intruder.ws.terminate();
    // Of the log, since the executor may have its place back before the record is looked at.
    const opened = gateway.logLines.find(
      (line) => line.includes('executor connected') && line.includes(fingerprint(ticket)),
    );
    const { connection_id: connectionId } = JSON.parse(opened ?? '{}') as { connection_id?: string };
    expect(connectionId).toBeDefined();
    const isOnRecord = async () => {
      const found = await gateway.pool.query('select 1 from codex_exec.executor_connections where connection_id = $1', [
        connectionId,
      ]);
      return found.rowCount !== 0;
    };
    await waitFor(async () => !(await isOnRecord()), { timeoutMs: PATIENCE_MS, describe: 'the intruder to be gone' });
  };

  const registrationsOf = async (exeId: string) => {
    const { rows } = await gateway.pool.query<{ executor_registration_id: string }>(
      'select executor_registration_id from codex_exec.executor_registrations where exe_id = $1 order by ticket_expires_at',
      [exeId],
    );
    return rows.map((row) => row.executor_registration_id);
  };

  const liveRegistrationOf = async (exeId: string) => {
    const { rows } = await gateway.pool.query<{ executor_registration_id: string }>(
      'select executor_registration_id from codex_exec.live_connections where exe_id = $1',
      [exeId],
    );
    return rows[0]?.executor_registration_id;
  };

  it(
    'runs a command of a real app-server on a real executor, end to end encrypted',
    async () => {
      const exeId = await gateway.bound('ws-chain');
      await startRealExecutor(cleanup, gateway, { exeId, env: { EXECUTOR_MARKER: 'far-away-7431' } });
      expect(await online('ws-chain')).toMatchObject({ exe_id: exeId, generation: 'noise', is_online: true });
      const token = gateway.capability({ workspaceId: 'ws-chain', turnId: 'turn-chain' });
      const { client } = await startRealHarness(cleanup, { via: noiseHarness(gateway, exeId, token) });

      const turn = await runTurn(client, { text: 'go', cwd: '/' });

      expect(turn).toMatchObject({ status: 'completed', environmentIds: ['remote'] });
      const command = turn.items.find(({ type }) => type === 'commandExecution');
      expect(command).toMatchObject({ aggregatedOutput: 'marker=far-away-7431\n', exitCode: 0 });
      expect(await gateway.metric('codex_exec_live_streams')).toBe(1);
      for (const direction of ['to_executor', 'to_harness']) {
        const frames = await gateway.metric(`codex_exec_relayed_frames_total{direction="${direction}"}`);
        expect(frames).toBeGreaterThan(5);
      }

      await gateway.revoke('turn-chain');
      const after = await runTurn(client, { text: 'again', cwd: '/', threadId: turn.threadId });
      const refused = after.items.find(({ type }) => type === 'commandExecution');
      expect(refused?.exitCode ?? -1).toBe(-1);
      expect(JSON.stringify(after.items)).toMatch(/401 Unauthorized|No usable execution environment/);
      expect(JSON.stringify(after.items)).not.toContain('far-away-7431');
      expect(await gateway.metric('codex_exec_live_bridges')).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'gets its executor back after a lost connection, without a new registration while the ticket lives',
    async () => {
      const exeId = await gateway.bound('ws-close');
      const executor = await startRealExecutor(cleanup, gateway, { exeId });
      await online('ws-close');
      const before = await registrationsOf(exeId);
      await interrupt(exeId);
      await online('ws-close');
      expect(await registrationsOf(exeId)).toEqual(before);
      expect(await liveRegistrationOf(exeId)).toBe(before[0]);
      await executor.stop();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'makes its executor register again when the ticket has expired',
    async () => {
      const exeId = await gateway.bound('ws-expiry');
      const executor = await startRealExecutor(cleanup, gateway, { exeId });
      await online('ws-expiry');
      gateway.clock.advanceSeconds(301);
      await interrupt(exeId);
      await online('ws-expiry');
      const registrations = await registrationsOf(exeId);
      expect(registrations).toHaveLength(2);
      expect(await liveRegistrationOf(exeId)).toBe(registrations[1]);
      await executor.stop();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keeps the executor process alive while codex-auth is away, and takes it back afterwards',
    async () => {
      const exeId = await gateway.bound('ws-away');
      const executor = await startRealExecutor(cleanup, gateway, { exeId });
      await online('ws-away');
      await gateway.agentserver.stop();
      gateway.clock.advanceSeconds(301); // the ticket is dead: coming back means registering
      await interrupt(exeId);
      await waitFor(() => gateway.logLines.some((line) => line.includes(exeId) && line.includes('"status":503')), {
        timeoutMs: PATIENCE_MS,
        describe: () => `the upgrade to be refused with 503; the gateway's log: ${gateway.logLines.join('')}`,
      });
      await gateway.agentserver.start();
      await online('ws-away');
      expect(await registrationsOf(exeId)).toHaveLength(2);
      await executor.stop();
    },
    TEST_TIMEOUT_MS,
  );

  it.each([
    { whose: 'unknown', accessToken: 'unknown-token', words: /401 Unauthorized\).*codex login/s },
    { whose: 'of another user', accessToken: 'stranger-token', words: /403 Forbidden\).*belongs to another user/s },
  ])(
    'tells the person whose credentials are $whose what to do',
    async ({ accessToken, words }) => {
      const exeId = await gateway.bound('ws-words');
      const executor = await startSignedInExecutor(cleanup, gateway, { exeId, accessToken, accountId: 'acc-1' });
      const { code, stderr } = await executor.exited;
      expect(stderr).toMatch(words);
      expect(code).toBe(1);
      expect(gateway.agentserver.validations.at(-1)?.body).toEqual({
        scheme: 'bearer',
        token: accessToken,
        account_id: 'acc-1',
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'tells the person whose executor was deleted what to do',
    async () => {
      const executor = await startSignedInExecutor(cleanup, gateway, {
        exeId: 'exe_gone',
        accessToken: 'owner-token',
        accountId: 'acc-1',
      });
      const { code, stderr } = await executor.exited;
      expect(stderr).toMatch(/404 Not Found, executor_not_found\).*add a connector/s);
      expect(code).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );
});
