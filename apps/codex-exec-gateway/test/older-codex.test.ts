import { runTurn, useCleanup, waitFor } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { startRealHarness, startSignedInExecutor } from './support/real-codex.ts';

/** The CLI of a version is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;

describe('older Codex CLIs as executors at this gateway', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway();

  it.each(['0.132.0', '0.133.0'])(
    '%s registers, holds its connection, and runs a command of a harness of its generation',
    async (version) => {
      const workspaceId = `ws-${version}`;
      const exeId = await gateway.bound(workspaceId);
      const executor = await startSignedInExecutor(cleanup, gateway, {
        exeId,
        accessToken: 'owner-token',
        accountId: 'acc-1',
        version,
        env: { EXECUTOR_MARKER: `of-${version}` },
      });
      await waitFor(async () => (await gateway.connected(workspaceId)).length === 1, {
        timeoutMs: PATIENCE_MS,
        describe: () => `the executor to connect: ${executor.output}`,
      });
      const token = gateway.capability({ workspaceId, turnId: `turn-${version}` });
      const via = { CODEX_EXEC_SERVER_URL: gateway.legacyBridgeUrl(exeId, token) };
      const { client } = await startRealHarness(cleanup, { via, version: '0.140.0' });
      const turn = await runTurn(client, { text: 'go', cwd: '/tmp' });
      const command = turn.items.find(({ type }) => type === 'commandExecution');
      expect(command).toMatchObject({ aggregatedOutput: `marker=of-${version}\n`, exitCode: 0 });
    },
    TEST_TIMEOUT_MS,
  );
});
