import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createPool, type Pool } from '@codex-gateways/database';
import { createTestDatabase, startProcess, useCleanup, waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { ageDeadReplicas, expectExactly } from './support/leftovers.ts';
import { connect, type Peer } from './support/peer.ts';
import type { ReplicaProcess } from './support/replica-process.ts';
import { StubbornExecutor } from './support/stubborn-executor.ts';
import { type ReplicaProcesses, startReplicaProcesses } from './support/use-replica-processes.ts';
import { VanishingProxy } from './support/vanishing-proxy.ts';

/** Sizes; `npm run test:faults` has the large ones. */
const EXECUTORS = Number(process.env.FAULTS_EXECUTORS ?? 100);
const FLOOD_MIB = Number(process.env.FAULTS_FLOOD_MIB ?? 48);
const PING_MS = Number(process.env.FAULTS_PING_MS ?? 1500);
const TEST_TIMEOUT_MS = 60_000 + 4 * PING_MS + 60 * EXECUTORS + 200 * FLOOD_MIB;
const MIB = 1024 * 1024;
const KIB = 1024;
const BACK_WITHIN_MS = 10_000;
/** Of an executor's connection, everything included; an idle one takes less than 10 KiB. */
const EXECUTOR_BYTES = 64 * KIB;
/** What Node.js may take before it collects its garbage. */
const SLACK_BYTES = 120 * MIB;

describe('faults', () => {
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
      env: {
        CXG_REPLICA_LEASE: '2s',
        CXG_REPLICA_LEASE_RENEWAL: '200ms',
        CXG_SWEEP_INTERVAL: '200ms',
        CXG_PING_INTERVAL: `${PING_MS}ms`,
        CXG_WS_TICKET_TTL: '1h',
      },
    });
    [first, second] = gateway.replicas as [ReplicaProcess, ReplicaProcess];
  }, 60_000);

  const executors: StubbornExecutor[] = [];
  let killed: ReplicaProcess | undefined;

  /** What a failed test leaves behind must not fail the others. */
  afterEach(async () => {
    for (const executor of executors.splice(0)) executor.stop();
    if (killed && !killed.isRunning) await killed.start();
    killed = undefined;
  }, 60_000);

  afterEach(async () => {
    await expectExactly(db, gateway.replicas, { executors: 0, bridges: 0 });
    for (const replica of gateway.replicas) {
      expect(replica.isRunning).toBe(true);
      expect((await fetch(`${replica.url}/readyz`)).status).toBe(200);
      for (const name of ['live_bridges', 'live_streams', 'buffered_bytes', 'forwarded_bridges']) {
        expect(await replica.metric(`codex_exec_${name}`)).toBe(0);
      }
    }
  }, 60_000);

  const at = (replica: ReplicaProcess, url: string) => {
    const { pathname, search } = new URL(url);
    return `${replica.url.replace('http', 'ws')}${pathname}${search}`;
  };

  /** A bridge with one stream, through which a frame has gone. */
  const bridge = async (exeId: string, executor: Peer, { at: replica, turnId = 'turn-1' }: BridgeOptions) => {
    const harness = await connect(at(replica, await gateway.bridgeUrl(exeId, turnId, replica)));
    const seen = executor.frames.length;
    harness.send(frame('resume', `stream-${turnId}`));
    await executor.receive(seen + 1);
    return harness;
  };
  interface BridgeOptions {
    readonly at: ReplicaProcess;
    readonly turnId?: string;
  }

  const online = async (replica: ReplicaProcess) => {
    const exeId = await gateway.newExecutor();
    const url = await gateway.executorUrl(exeId, replica);
    return { exeId, url, executor: await connect(url) };
  };

  it(
    `kill -9 of a replica with ${EXECUTORS} executors: all are back at the other at once, in bounded memory`,
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
      const onSecond = await online(second);
      const staying = await bridge(onSecond.exeId, onSecond.executor, { at: second, turnId: 'turn-staying' });
      const onFirst = await online(first);
      const hopping = await bridge(onFirst.exeId, onFirst.executor, { at: second, turnId: 'turn-hopping' });
      const rssBefore = await second.metric('process_resident_memory_bytes');

      living = second;
      const killedAt = performance.now();
      killed = first;
      await first.kill();
      await waitFor(() => executors.every(({ isConnected }) => isConnected), {
        timeoutMs: BACK_WITHIN_MS + 60 * EXECUTORS,
        describe: () => `${executors.filter(({ isConnected }) => !isConnected).length} executors to be back`,
      });
      const backAfterMs = performance.now() - killedAt;
      expect(backAfterMs).toBeLessThan(BACK_WITHIN_MS);
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
      const again = await bridge(onSecond.exeId, onSecond.executor, { at: first, turnId: 'turn-hopping' });
      await ageDeadReplicas(db);
      await expectExactly(db, gateway.replicas, { executors: executors.length + 1, bridges: 2 });
      for (const peer of [again, staying, onSecond.executor]) peer.close();
    },
    TEST_TIMEOUT_MS,
  );

  it('kill -9 of an executor: its bridges end, its place is free, and it is back with its ticket', async () => {
    const exeId = await gateway.newExecutor();
    const url = await gateway.executorUrl(exeId);
    const script = fileURLToPath(new URL('./support/executor-process.mjs', import.meta.url));
    const start = async () => {
      const executor = startProcess(process.execPath, [script, url], { env: {} });
      cleanup.after(() => executor.stop());
      await executor.waitForOutput(/open/, 10_000);
      return executor;
    };
    const killed = await start();
    const harnesses = await Promise.all(
      [first, second].map(async (replica) => connect(at(replica, await gateway.bridgeUrl(exeId, 'turn-k', replica)))),
    );
    for (const [index, harness] of harnesses.entries()) harness.send(frame('resume', `s${index}`));
    killed.signal('SIGKILL');
    for (const harness of harnesses) await harness.waitForClose();
    await expectExactly(db, gateway.replicas, { executors: 0, bridges: 0 });
    const back = await start();
    expect(await gateway.connected(second)).toEqual([exeId]);
    back.signal('SIGKILL');
  });

  it(
    `an executor and a harness that vanish without a FIN are noticed within two pings (of ${PING_MS} ms)`,
    async () => {
      const exeId = await gateway.newExecutor();
      const proxies = [new VanishingProxy(first.url), new VanishingProxy(first.url), new VanishingProxy(first.url)];
      for (const proxy of proxies) {
        await proxy.start();
        cleanup.after(() => proxy.stop());
      }
      const [viaOne, viaTwo, viaThree] = proxies as [VanishingProxy, VanishingProxy, VanishingProxy];
      const executor = await connect(viaOne.url(await gateway.executorUrl(exeId, first)));
      const other = await online(first);
      const harness = await connect(viaTwo.url(await gateway.bridgeUrl(other.exeId, 'turn-v', first)));
      harness.send(frame('resume', 's'));
      await other.executor.receive(1);
      const orphan = await connect(viaThree.url(await gateway.bridgeUrl(exeId, 'turn-o', first)));
      orphan.send(frame('resume', 'o'));
      await executor.receive(1);
      await expectExactly(db, gateway.replicas, { executors: 2, bridges: 2 });
      viaOne.vanish();
      viaTwo.vanish();
      const vanishedAt = performance.now();
      // The bridge of the vanished executor ends too; its harness is there and is told.
      expect(await orphan.waitForClose(2 * PING_MS + 5000)).toMatchObject({ code: expect.any(Number) });
      await waitFor(async () => (await first.metric('codex_exec_live_bridges')) === 0, {
        timeoutMs: 2 * PING_MS + 5000,
        describe: 'the vanished harness to be noticed',
      });
      expect(performance.now() - vanishedAt).toBeLessThan(2 * PING_MS + 1000);
      await expectExactly(db, gateway.replicas, { executors: 1, bridges: 0 });
      expect(other.executor.closed).toBeUndefined();
      other.executor.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    `harnesses that flood (${FLOOD_MIB} MiB) an executor that does not read: held up, in bounded memory; nobody else waits`,
    async () => {
      const [stalled, quick] = [await online(first), await online(first)];
      const floods = await Promise.all(
        [0, 1, 2, 3].map((index) => bridge(stalled.exeId, stalled.executor, { at: first, turnId: `turn-f${index}` })),
      );
      const harness = await bridge(quick.exeId, quick.executor, { at: first, turnId: 'turn-quick' });
      const rssBefore = await first.metric('process_resident_memory_bytes');
      stalled.executor.ws.pause();
      const payload = Buffer.alloc(64 * KIB);
      for (let sent = 0; sent < FLOOD_MIB * 16; sent += floods.length) {
        for (const [index, flood] of floods.entries()) flood.send(frame('data', `stream-turn-f${index}`, payload));
        await turnOfTheLoop(); // who floods still answers pings
      }
      for (let round = 0; round < 10; round += 1) {
        const seen = quick.executor.frames.length;
        harness.send(frame('data', 'stream-turn-quick', `round ${round}`));
        await quick.executor.receive(seen + 1);
        // High water, and what four harnesses had sent when they were paused.
        expect(await first.metric('codex_exec_buffered_bytes{direction="to_executor"}')).toBeLessThan(4 * MIB);
      }
      const grownBytes = (await first.metric('process_resident_memory_bytes')) - rssBefore;
      expect(grownBytes).toBeLessThan(SLACK_BYTES);
      // It does not answer pings either, since it does not read: so it goes, and takes its bridges along.
      for (const flood of floods) await flood.waitForClose(4 * PING_MS + 10_000);
      stalled.executor.ws.terminate();
      for (const peer of [harness, quick.executor]) peer.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    `an executor that floods (${FLOOD_MIB} MiB) a harness that does not read, and streams that nobody has: in bounded memory`,
    async () => {
      const flooding = await online(first);
      const stalled = await bridge(flooding.exeId, flooding.executor, { at: first, turnId: 'turn-stalled' });
      const rssBefore = await first.metric('process_resident_memory_bytes');
      stalled.ws.pause();
      const payload = Buffer.alloc(64 * KIB);
      for (let sent = 0; sent < FLOOD_MIB * 16; sent += 1) {
        flooding.executor.ws.send(frame('data', 'stream-turn-stalled', payload));
        flooding.executor.ws.send(frame('data', `nobody-${sent}`, 'x'));
        if (sent % 64 === 0) {
          await waitFor(() => flooding.executor.ws.bufferedAmount < MIB, { timeoutMs: 20_000, describe: 'a drain' });
          const bufferedBytes = await first.metric('codex_exec_buffered_bytes{direction="to_harness"}');
          expect(bufferedBytes).toBeLessThan(8 * MIB + 512 * KIB);
        }
      }
      const grownBytes = (await first.metric('process_resident_memory_bytes')) - rssBefore;
      expect(grownBytes).toBeLessThan(SLACK_BYTES);
      expect(await first.metric('codex_exec_dropped_frames_total{reason="harness_buffer_full"}')).toBeGreaterThan(0);
      expect(flooding.executor.closed).toBeUndefined();
      stalled.ws.terminate();
      flooding.executor.close();
    },
    TEST_TIMEOUT_MS,
  );
});
