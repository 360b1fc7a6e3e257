import { type ProcessExit, useCleanup, waitFor } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { startSignedInExecutor } from './support/real-codex.ts';

/** The older CLI is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;

describe('two real executors with one id', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway();

  it.each([{ version: '0.140.0' }, { version: undefined }])(
    'end in one that stays and one that says why it does not (version $version)',
    async ({ version }) => {
      const workspaceId = `ws-${version ?? 'today'}`;
      const exeId = await gateway.bound(workspaceId);
      const start = () =>
        startSignedInExecutor(cleanup, gateway, {
          ...{ exeId, accessToken: 'owner-token', accountId: 'acc-1' },
          ...(version ? { version } : {}),
        });
      const isOnline = async () => (await gateway.connected(workspaceId)).length === 1;
      const first = await start();
      await waitFor(isOnline, { timeoutMs: PATIENCE_MS, describe: () => `the executor to connect: ${first.output}` });
      const second = await start();
      const exits: ProcessExit[] = [];
      for (const { exited } of [first, second]) exited.then((exit) => exits.push(exit)).catch(() => undefined);
      const ended = await waitFor(() => exits[0], {
        timeoutMs: PATIENCE_MS,
        describe: () => `one of them to end; the gateway's log: ${gateway.logLines.slice(-40).join('')}`,
      });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(
        /409 Conflict, executor_in_use\).*another process .*; stop that one, or add a connector/s,
      );
      await waitFor(isOnline, { timeoutMs: PATIENCE_MS, describe: 'one of them to be connected' });
      const { body } = await gateway.manage<{ duel: unknown }[]>('GET', `/workspaces/${workspaceId}/executors`);
      expect(body[0]?.duel).toEqual({ since: expect.stringMatching(/^20/) });
      const { body: history } = await gateway.manage<{ evicted_alive: boolean }[]>(
        'GET',
        `/executors/${exeId}/connections`,
      );
      const evictions = history.filter(({ evicted_alive }) => evicted_alive).length;
      expect(evictions).toBeGreaterThanOrEqual(4);
      expect(evictions).toBeLessThanOrEqual(5); // one may be on its way when the fourth is noted
      await Promise.all([first.stop(), second.stop()]);
    },
    TEST_TIMEOUT_MS,
  );
});
