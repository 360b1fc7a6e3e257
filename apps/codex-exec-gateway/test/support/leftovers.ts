import type { Pool } from '@codex-gateways/database';
import { waitFor } from '@codex-gateways/testing';
import { PATIENCE_MS } from './patience.ts';
import type { ReplicaProcess } from './replica-process.ts';

/** What is on record of connections; `dead` of replicas whose lease is over. */
async function onRecord(db: Pool): Promise<Record<'connections' | 'openHistory' | 'bridges', number>> {
  const { rows } = await db.query<{ connections: number; open_history: number; bridges: number }>(
    `select (select count(*)::int from codex_exec.executor_connections) as connections,
            (select count(*)::int from codex_exec.connection_history where ended_at is null) as open_history,
            (select count(*)::int from codex_exec.turn_bridges) as bridges`,
  );
  const [row] = rows;
  return { connections: row?.connections ?? -1, openHistory: row?.open_history ?? -1, bridges: row?.bridges ?? -1 };
}

/** Lets the minute pass after which a dead replica counts as gone for good. */
export async function ageDeadReplicas(db: Pool): Promise<void> {
  await db.query(
    `update codex_exec.replicas
        set lease_expires_at = lease_expires_at - interval '2 minutes'
      where lease_expires_at < now()`,
  );
}

/** Waits until so many executors and bridges are open, in the memory of the replicas and on record, and nothing else is left. */
export async function expectExactly(
  db: Pool,
  replicas: readonly ReplicaProcess[],
  { executors, bridges }: { executors: number; bridges: number },
): Promise<void> {
  const expected = { connections: executors, openHistory: executors, bridges };
  let seen: unknown;
  await waitFor(
    async () => {
      const inMemory = await Promise.all(replicas.map((replica) => replica.metric('codex_exec_connected_executors')));
      const record = await onRecord(db);
      seen = { record, inMemory };
      const isSame = Object.entries(expected).every(([what, count]) => record[what as keyof typeof record] === count);
      return isSame && inMemory.reduce((sum, count) => sum + count, 0) === executors;
    },
    {
      timeoutMs: PATIENCE_MS,
      describe: () => {
        const outputs = replicas.map(({ lastOutput }) => lastOutput);
        return [`${JSON.stringify(expected)}; there is ${JSON.stringify(seen)}`, ...outputs].join('\n');
      },
    },
  );
}

/** Waits until no executor and no bridge has left anything, and all replicas are well. */
export async function expectNothingLeft(db: Pool, replicas: readonly ReplicaProcess[]): Promise<void> {
  await expectExactly(db, replicas, { executors: 0, bridges: 0 });
  for (const replica of replicas) {
    expect(replica.isRunning).toBe(true);
    await waitFor(async () => (await fetch(`${replica.url}/readyz`)).status === 200, {
      timeoutMs: PATIENCE_MS,
      describe: () => `a replica that is ready; ${replica.lastOutput}`,
    });
    for (const name of ['live_bridges', 'live_streams', 'buffered_bytes', 'forwarded_bridges']) {
      await waitFor(async () => (await replica.metric(`codex_exec_${name}`)) === 0, {
        timeoutMs: PATIENCE_MS,
        describe: () => `codex_exec_${name} to be 0; ${replica.lastOutput}`,
      });
    }
  }
}
