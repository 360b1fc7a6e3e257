import { runTurn, useCleanup, waitFor } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { upgradeStatus } from './support/peer.ts';
import { noiseHarness, startRealHarness, startSignedInExecutor } from './support/real-codex.ts';

const LEGACY_VERSION = '0.140.0';
/** The CLI of that version is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;

describe('the last Codex CLI without encryption (0.140) at this gateway', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway();
  let exeId: string;

  beforeAll(async () => {
    exeId = await gateway.bound('ws-legacy');
    const executor = await startSignedInExecutor(cleanup, gateway, {
      exeId,
      accessToken: 'owner-token',
      accountId: 'acc-1',
      version: LEGACY_VERSION,
      env: { EXECUTOR_MARKER: 'far-away-0140' },
    });
    await waitFor(async () => (await gateway.connected('ws-legacy')).length === 1, {
      timeoutMs: PATIENCE_MS,
      describe: () => `the executor to connect: ${executor.output}`,
    });
  }, TEST_TIMEOUT_MS);

  it(
    'runs a command of a harness of its own generation',
    async () => {
      const token = gateway.capability({ workspaceId: 'ws-legacy', turnId: 'turn-legacy' });
      const via = { CODEX_EXEC_SERVER_URL: gateway.legacyBridgeUrl(exeId, token) };
      const { client } = await startRealHarness(cleanup, { via, version: LEGACY_VERSION });
      const turn = await runTurn(client, { text: 'go', cwd: '/tmp' });
      const command = turn.items.find(({ type }) => type === 'commandExecution');
      expect(command).toMatchObject({ aggregatedOutput: 'marker=far-away-0140\n', exitCode: 0 });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is refused to a harness of today, which runs nothing then',
    async () => {
      const token = gateway.capability({ workspaceId: 'ws-legacy', turnId: 'turn-mixed' });
      const { client } = await startRealHarness(cleanup, { via: noiseHarness(gateway, exeId, token) });
      const turn = await runTurn(client, { text: 'go', cwd: '/tmp' });
      expect(JSON.stringify(turn.items)).not.toContain('far-away-0140');
      expect(gateway.logLines.join('')).toContain('harness noise, executor legacy');
    },
    TEST_TIMEOUT_MS,
  );

  it('registers again after a lost connection, and is back', async () => {
    const liveRegistration = async () => {
      const { rows } = await gateway.pool.query<{ executor_registration_id: string }>(
        'select executor_registration_id from codex_exec.live_connections where exe_id = $1',
        [exeId],
      );
      return rows[0]?.executor_registration_id;
    };
    const before = await liveRegistration();
    const intruder = await gateway.registered(exeId, { legacy: true });
    expect(await upgradeStatus(intruder.url)).toBe(101); // takes its place for a moment
    const after = await waitFor(
      async () => {
        const now = await liveRegistration();
        return now !== before && now !== intruder.registrationId ? now : undefined;
      },
      { timeoutMs: PATIENCE_MS, describe: 'another registration of the executor to be connected' },
    );
    expect(after).toMatch(/^reg_/);
  });
});
