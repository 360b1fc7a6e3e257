import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createPool, type Pool, runMigrations } from '@codex-gateways/database';
import { useTestDatabase } from '@codex-gateways/testing';
import { renewLease, takeFirstLease } from './replicas-store.ts';

describe('leases of replicas', () => {
  const database = useTestDatabase();
  let db: Pool;
  const replica = (internalUrl: string | undefined, hostName = 'host-1') => ({
    ...{ replicaId: randomUUID(), internalUrl, hostName },
    leaseSeconds: 60,
  });
  const alive = async () => {
    const found = await db.query<{ replica_id: string }>(
      'select replica_id from codex_exec.replicas where lease_expires_at > now()',
    );
    return found.rows.map((row) => row.replica_id).sort();
  };

  beforeAll(async () => {
    const directory = fileURLToPath(new URL('../../migrations', import.meta.url));
    await runMigrations({ databaseUrl: database.url, schema: 'codex_exec', directory });
    db = createPool({ databaseUrl: database.url, applicationName: 'test' });
  });
  afterAll(() => db.end());

  it('end at once when another process starts at the same address of the same host', async () => {
    const [killed, successor, elsewhere, unnamed] = [
      replica('http://10.0.0.1:8083'),
      replica('http://10.0.0.1:8083'),
      replica('http://10.0.0.2:8083'),
      replica(undefined),
    ];
    for (const one of [killed, elsewhere, unnamed]) await takeFirstLease(db, one);
    await takeFirstLease(db, successor);
    expect(await alive()).toEqual([successor, elsewhere, unnamed].map((one) => one.replicaId).sort());
    await takeFirstLease(db, replica(undefined));
    expect(await alive()).toContain(unnamed.replicaId);
  });
  it('of other hosts that say the same address go on, and are named', async () => {
    const address = 'http://a-name-in-front-of-all:8083';
    const [first, second] = [replica(address, 'host-1'), replica(address, 'host-2')];
    expect(await takeFirstLease(db, first)).toEqual([]);
    expect(await takeFirstLease(db, second)).toEqual(['host-1']);
    expect(await alive()).toEqual(expect.arrayContaining([first.replicaId, second.replicaId]));
  });
  it('come back when their replica was alive after all', async () => {
    const one = replica('http://10.0.0.3:8083');
    await takeFirstLease(db, one);
    await takeFirstLease(db, replica('http://10.0.0.3:8083'));
    expect(await alive()).not.toContain(one.replicaId);
    await renewLease(db, one);
    expect(await alive()).toContain(one.replicaId);
  });
});
