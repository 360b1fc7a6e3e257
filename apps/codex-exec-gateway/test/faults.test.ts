import { fileURLToPath } from 'node:url';
import { createPool, type Pool } from '@codex-gateways/database';
import { createTestDatabase, startProcess, useCleanup, waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { ageDeadReplicas, expectExactly, expectNothingLeft } from './support/leftovers.ts';
import { BACK_WITHIN_MS, PATIENCE_MS } from './support/patience.ts';
import { connect } from './support/peer.ts';
import type { ReplicaProcess } from './support/replica-process.ts';
import { StubbornExecutor } from './support/stubborn-executor.ts';
import { type ReplicaProcesses, startReplicaProcesses } from './support/use-replica-processes.ts';

/** `npm run test:faults` has two thousand. */
const EXECUTORS = Number(process.env.FAULTS_EXECUTORS ?? 100);
const TEST_TIMEOUT_MS = 4 * PATIENCE_MS + 60 * EXECUTORS;
const MIB = 1024 * 1024;
const KIB = 1024;
/** Of an executor's connection, everything included; an idle one takes less than 10 KiB. */
const EXECUTOR_BYTES = 64 * KIB;
/** What Node.js may take before it collects its garbage. */
const SLACK_BYTES = 120 * MIB;

describe('kill -9', () => {
  const cleanup = useCleanup();
  let gateway: ReplicaProcesses;
  let first: ReplicaProcess;
  let second: ReplicaProcess;
  let db: Pool;

  beforeAll(async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    db = createPool({ databaseUrl: database.url, applicationName: 'test', maxConnections: 2 });
    cleanup.after(() => db.end());
    gateway = await startReplicaProcesses(cleanup, {
      ...{ count: 2, databaseUrl: database.url },
      env: { CXG_SWEEP_INTERVAL: '200ms', CXG_WS_TICKET_TTL: '1h' },
    });
    [first, second] = gateway.replicas as [ReplicaProcess, ReplicaProcess];
  });

  const executors: StubbornExecutor[] = [];
  let killed: ReplicaProcess | undefined;

  /** What a failed test leaves behind must not fail the others. */
  afterEach(async () => {
    for (const executor of executors.splice(0)) executor.stop();
    if (killed && !killed.isRunning) await killed.start();
    killed = undefined;
  });

  afterEach(() => expectNothingLeft(db, gateway.replicas));

  it(
    `of a replica with ${EXECUTORS} executors: all are back at the other at once, in bounded memory`,
    async () => {
      let living = first;
      let missing = EXECUTORS;
      const join = async () => {
        while (missing > 0) {
          missing -= 1;
          const url = await gateway.executorUrl(await gateway.newExecutor());
          const executor = new StubbornExecutor(url, () => living.url);
          executors.push(executor);
          await executor.start();
        }
      };
      await Promise.all(Array.from({ length: 16 }, join));
      const onSecond = await gateway.online(second);
      const staying = await gateway.bridge(onSecond, { at: second, turnId: 'turn-staying' });
      const onFirst = await gateway.online(first);
      const hopping = await gateway.bridge(onFirst, { at: second, turnId: 'turn-hopping' });
      const rssBefore = await second.metric('process_resident_memory_bytes');

      living = second;
      const killedAt = performance.now();
      killed = first;
      await first.kill();
      await waitFor(() => executors.every(({ isConnected }) => isConnected), {
        timeoutMs: PATIENCE_MS + 60 * EXECUTORS,
        describe: () => {
          const away = executors.filter(({ isConnected }) => !isConnected);
          return `${away.length} executors to be back, which were answered ${away.flatMap(({ statuses }) => statuses)}; ${second.lastOutput}`;
        },
      });
      expect(performance.now() - killedAt).toBeLessThan(BACK_WITHIN_MS);
      expect(new Set(executors.flatMap(({ statuses }) => statuses.filter((status) => status !== 503)))).toEqual(
        new Set(),
      );
      expect(await hopping.waitForClose()).toMatchObject({ code: expect.any(Number) });
      await onFirst.executor.waitForClose();
      const grownBytes = (await second.metric('process_resident_memory_bytes')) - rssBefore;
      expect(grownBytes).toBeLessThan(SLACK_BYTES + EXECUTOR_BYTES * executors.length);
      const seen = onSecond.executor.frames.length;
      staying.send(frame('data', 'stream-turn-staying', 'undisturbed'));
      await onSecond.executor.receive(seen + 1);

      await first.start();
      for (const replica of [first, second]) {
        expect(await gateway.connected(replica)).toHaveLength(executors.length + 1);
      }
      const again = await gateway.bridge(onSecond, { at: first, turnId: 'turn-hopping' });
      await ageDeadReplicas(db);
      await expectExactly(db, gateway.replicas, { executors: executors.length + 1, bridges: 2 });
      for (const peer of [again, staying, onSecond.executor]) peer.close();
    },
    TEST_TIMEOUT_MS,
  );

  it('of an executor: its bridges end, its place is free, and it is back with its ticket', async () => {
    const exeId = await gateway.newExecutor();
    const url = await gateway.executorUrl(exeId);
    const script = fileURLToPath(new URL('./support/executor-process.mjs', import.meta.url));
    const start = async () => {
      const executor = startProcess(process.execPath, [script, url], { env: {} });
      cleanup.after(() => executor.stop());
      await executor.waitForOutput(/open/, PATIENCE_MS);
      return executor;
    };
    const killed = await start();
    const harnesses = await Promise.all(
      [first, second].map(async (replica) => connect(await gateway.bridgeUrl(exeId, 'turn-k', replica))),
    );
    for (const [index, harness] of harnesses.entries()) harness.send(frame('resume', `s${index}`));
    killed.signal('SIGKILL');
    for (const harness of harnesses) await harness.waitForClose();
    await expectExactly(db, gateway.replicas, { executors: 0, bridges: 0 });
    const back = await start();
    expect(await gateway.connected(second)).toEqual([exeId]);
    back.signal('SIGKILL');
  });
});
