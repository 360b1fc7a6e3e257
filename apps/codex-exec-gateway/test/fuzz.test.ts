import { useCleanup, waitFor } from '@codex-gateways/testing';
import { FuzzGroup } from './fuzz/fuzz-group.ts';
import { Random } from './fuzz/random.ts';
import { PATIENCE_MS } from './support/patience.ts';
import type { ReplicaProcess } from './support/replica-process.ts';
import { startReplicaProcesses } from './support/use-replica-processes.ts';

/** How many frames; `npm run test:faults` sends a million. */
const FRAMES = Number(process.env.FUZZ_FRAMES ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const GROUPS = 3;
/** Frames of a group between two looks at all of its streams; small runs have several, too. */
const BATCH = Math.max(250, Math.min(3000, Math.ceil(FRAMES / GROUPS / 4)));
const MIB = 1024 * 1024;
/** Beside what Node.js takes anyway: the heap may grow before it is collected. */
const GROWTH_BYTES = 160 * MIB;

describe('random and mutated frames from executors and harnesses', () => {
  const cleanup = useCleanup();

  it(
    `do not end a connection, reach a stream of another, or take memory (${FRAMES} frames, FUZZ_SEED=${SEED})`,
    async () => {
      const gateway = await startReplicaProcesses(cleanup, {
        env: {
          CXG_WS_TICKET_TTL: '1h',
          CXG_DUEL_TAKEOVERS: '1000', // a spoilt connection is replaced at once, again and again
          CXG_MAX_HARNESSES_PER_TURN: '100',
        },
      });
      const replica = gateway.replicas[0] as ReplicaProcess;
      const groups: FuzzGroup[] = [];
      for (let number = 0; number < GROUPS; number += 1) {
        const exeId = await gateway.newExecutor();
        groups.push(
          new FuzzGroup(new Random(SEED * GROUPS + number), {
            executor: await gateway.executorUrl(exeId),
            harness: (harness) => gateway.bridgeUrl(exeId, `turn-${number}-${harness}`),
          }),
        );
      }
      for (const group of groups) cleanup.after(() => group.close());
      const rssBefore = await replica.metric('process_resident_memory_bytes');
      let mostRss = 0;
      const violations = () => groups.flatMap((group) => group.violations);
      for (let sent = 0; sent < FRAMES && violations().length === 0; ) {
        for (const frames of await Promise.all(groups.map((group) => group.batch(BATCH)))) sent += frames;
        mostRss = Math.max(mostRss, await replica.metric('process_resident_memory_bytes'));
      }
      expect(violations()).toEqual([]);
      expect(replica.isRunning).toBe(true);
      expect(replica.output).not.toMatch(/"level":"(error|fatal)"|uncaught/i);
      expect(mostRss - rssBefore).toBeLessThan(GROWTH_BYTES);
      const counts = groups.map((group) => group.counts);
      for (const kind of ['valid', 'mutated', 'foreign', 'fragmented', 'broken'] as const) {
        expect(counts.reduce((sum, each) => sum + each[kind], 0)).toBeGreaterThan(0);
      }
      for (const group of groups) await group.close();
      for (const name of ['connected_executors', 'live_bridges', 'live_streams', 'buffered_bytes']) {
        await waitFor(async () => (await replica.metric(`codex_exec_${name}`)) === 0, {
          timeoutMs: PATIENCE_MS,
          describe: `codex_exec_${name} to be 0`,
        });
      }
    },
    4 * PATIENCE_MS + FRAMES,
  );
});
