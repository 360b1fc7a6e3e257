import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { createPool, type Pool } from '@codex-gateways/database';
import { createTestDatabase, useCleanup, waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { expectExactly, expectNothingLeft } from './support/leftovers.ts';
import { PATIENCE_MS, promisedMs } from './support/patience.ts';
import { connect } from './support/peer.ts';
import type { ReplicaProcess } from './support/replica-process.ts';
import { type ReplicaProcesses, startReplicaProcesses } from './support/use-replica-processes.ts';
import { VanishingProxy } from './support/vanishing-proxy.ts';

/** `npm run test:faults` floods with more. */
const FLOOD_MIB = Number(process.env.FAULTS_FLOOD_MIB ?? 48);
const PING_MS = Number(process.env.FAULTS_PING_MS ?? 2500);
const TEST_TIMEOUT_MS = 3 * PATIENCE_MS + 4 * PING_MS + 200 * FLOOD_MIB;
const MIB = 1024 * 1024;
const KIB = 1024;
/** What Node.js may take before it collects its garbage. */
const SLACK_BYTES = 120 * MIB;

/** A replica with a database of its own, after each of whose tests nothing is left. */
function useReplicaProcess(env: Readonly<Record<string, string>>) {
  const cleanup = useCleanup();
  const used = {} as { gateway: ReplicaProcesses; first: ReplicaProcess; db: Pool };
  beforeAll(async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    used.db = createPool({ databaseUrl: database.url, applicationName: 'test', maxConnections: 2 });
    cleanup.after(() => used.db.end());
    used.gateway = await startReplicaProcesses(cleanup, { databaseUrl: database.url, env });
    used.first = used.gateway.replicas[0] as ReplicaProcess;
  });
  afterEach(() => expectNothingLeft(used.db, [used.first]));
  return used;
}

describe('peers that do not answer', () => {
  const cleanup = useCleanup();
  const used = useReplicaProcess({ CXG_PING_INTERVAL: `${PING_MS}ms`, CXG_WS_TICKET_TTL: '1h' });

  it(
    `an executor and a harness that vanish without a FIN are noticed within two pings (of ${PING_MS} ms)`,
    async () => {
      const { gateway, first, db } = used;
      const exeId = await gateway.newExecutor();
      const proxies = [new VanishingProxy(first.url), new VanishingProxy(first.url), new VanishingProxy(first.url)];
      for (const proxy of proxies) {
        await proxy.start();
        cleanup.after(() => proxy.stop());
      }
      const [viaOne, viaTwo, viaThree] = proxies as [VanishingProxy, VanishingProxy, VanishingProxy];
      const executor = await connect(viaOne.url(await gateway.executorUrl(exeId)));
      const other = await gateway.online(first);
      const harness = await connect(viaTwo.url(await gateway.bridgeUrl(other.exeId, 'turn-v')));
      harness.send(frame('resume', 's'));
      await other.executor.receive(1);
      const orphan = await connect(viaThree.url(await gateway.bridgeUrl(exeId, 'turn-o')));
      orphan.send(frame('resume', 'o'));
      await executor.receive(1);
      await expectExactly(db, [first], { executors: 2, bridges: 2 });
      viaOne.vanish();
      viaTwo.vanish();
      const vanishedAt = performance.now();
      // The bridge of the vanished executor ends too; its harness is there and is told.
      expect(await orphan.waitForClose()).toMatchObject({ code: expect.any(Number) });
      await waitFor(async () => (await first.metric('codex_exec_live_bridges')) === 0, {
        timeoutMs: PATIENCE_MS,
        describe: () => `the vanished harness to be noticed; ${first.lastOutput}`,
      });
      expect(performance.now() - vanishedAt).toBeLessThan(2 * PING_MS + promisedMs(1000, { withRoom: 30_000 }));
      await expectExactly(db, [first], { executors: 1, bridges: 0 });
      expect(other.executor.closed).toBeUndefined();
      other.executor.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    `harnesses that flood (${FLOOD_MIB} MiB) an executor that does not read: held up, in bounded memory; nobody else waits`,
    async () => {
      const { gateway, first } = used;
      const [stalled, quick] = [await gateway.online(first), await gateway.online(first)];
      const floods = await Promise.all(
        [0, 1, 2, 3].map((index) => gateway.bridge(stalled, { at: first, turnId: `turn-f${index}` })),
      );
      const harness = await gateway.bridge(quick, { at: first, turnId: 'turn-quick' });
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
      for (const flood of floods) await flood.waitForClose();
      stalled.executor.ws.terminate();
      for (const peer of [harness, quick.executor]) peer.close();
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a harness that does not read', () => {
  const used = useReplicaProcess({ CXG_WS_TICKET_TTL: '1h' });

  it(
    `an executor that floods (${FLOOD_MIB} MiB) a harness that does not read, and streams that nobody has: in bounded memory`,
    async () => {
      const { gateway, first } = used;
      const flooding = await gateway.online(first);
      const stalled = await gateway.bridge(flooding, { at: first, turnId: 'turn-stalled' });
      const rssBefore = await first.metric('process_resident_memory_bytes');
      stalled.ws.pause();
      const payload = Buffer.alloc(64 * KIB);
      for (let sent = 0; sent < FLOOD_MIB * 16; sent += 1) {
        flooding.executor.ws.send(frame('data', 'stream-turn-stalled', payload));
        flooding.executor.ws.send(frame('data', `nobody-${sent}`, 'x'));
        if (sent % 64 === 0) {
          await waitFor(() => flooding.executor.ws.bufferedAmount < MIB, {
            timeoutMs: PATIENCE_MS,
            describe: 'a drain',
          });
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
