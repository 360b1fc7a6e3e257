import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createPool, type Pool, runMigrations } from '@codex-gateways/database';
import { useTestDatabase } from '@codex-gateways/testing';
import { insertEviction } from './duels-store.ts';

const TAKEOVERS = 4;
const SETTINGS = { windowSeconds: 60, takeovers: TAKEOVERS, holdSeconds: 60 };

describe('evictions of living connections', () => {
  const database = useTestDatabase();
  let db: Pool;

  beforeAll(async () => {
    const directory = fileURLToPath(new URL('../../migrations', import.meta.url));
    await runMigrations({ databaseUrl: database.url, schema: 'codex_exec', directory });
    db = createPool({ databaseUrl: database.url, applicationName: 'test' });
  });
  afterAll(() => db.end());

  const connectionsOf = async (exeId: string): Promise<string[]> => {
    await db.query('insert into codex_exec.executors (exe_id, owner_user_id, display_name) values ($1, $2, $1)', [
      exeId,
      'u',
    ]);
    const connections = Array.from({ length: TAKEOVERS }, () => randomUUID());
    await db.query(
      `insert into codex_exec.connection_history (connection_id, exe_id, connection_number, generation, replica_id)
       select id, $2, n, 'noise', gen_random_uuid() from unnest($1::uuid[]) with ordinality as each_of (id, n)`,
      [connections, exeId],
    );
    return connections;
  };

  it('begin a duel once there are enough of them, and prolong it then', async () => {
    const outcomes: string[] = [];
    for (const connectionId of await connectionsOf('one-by-one')) {
      outcomes.push(await insertEviction(db, { connectionId, ...SETTINGS }));
    }
    expect(outcomes).toEqual(['none', 'none', 'none', 'begun']);
    const [again = ''] = await connectionsOf('another');
    expect(await insertEviction(db, { connectionId: again, ...SETTINGS })).toBe('none');
  });

  it('begin it once, and at all, when replicas note them at the same time', async () => {
    for (let round = 0; round < 20; round += 1) {
      const connections = await connectionsOf(`at-once-${round}`);
      const noted = connections.map((connectionId) => insertEviction(db, { connectionId, ...SETTINGS }));
      expect((await Promise.all(noted)).filter((outcome) => outcome === 'begun')).toHaveLength(1);
    }
  });

  it('of connections that nobody knows are nothing', async () => {
    expect(await insertEviction(db, { connectionId: randomUUID(), ...SETTINGS })).toBe('none');
  });
});
