import { type Cleanup, createTestDatabase, DatabaseProxy } from '@codex-gateways/testing';
import { TestGateway } from './gateway.ts';

/** A gateway whose database a test can take away, and the test's own way to that database. */
export interface BehindProxy {
  readonly gateway: TestGateway;
  readonly database: DatabaseProxy;
  /** The database itself. */
  readonly databaseUrl: string;
}

export async function startBehindProxy(
  cleanup: Cleanup,
  variables: Readonly<Record<string, string>>,
): Promise<BehindProxy> {
  const { url: databaseUrl, drop } = await createTestDatabase();
  cleanup.after(drop);
  const database = new DatabaseProxy(databaseUrl);
  await database.start();
  cleanup.after(() => database.stop());
  const gateway = new TestGateway(() => databaseUrl, { ...variables, CXG_DATABASE_URL: database.url });
  cleanup.after(() => gateway.stop());
  await gateway.start();
  return { gateway, database, databaseUrl };
}
