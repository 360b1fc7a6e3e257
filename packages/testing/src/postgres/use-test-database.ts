import { startTestPostgres, type TestDatabase, type TestPostgres } from './test-postgres.ts';

const START_TIMEOUT_MS = 300_000;

// One server for a test file (jest loads this module anew for each), running while a database of it is in use.
let shared: { server: Promise<TestPostgres>; users: number } | undefined;

/**
 * A new, empty database on the test file's server, which starts with the first one and stops when the last one is dropped.
 * Drop it, or jest does not exit: {@link useTestDatabase} does so by itself.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  shared ??= { server: startTestPostgres(), users: 0 };
  const mine = shared;
  mine.users += 1;
  let dropped: Promise<void> | undefined;
  try {
    const database = await (await mine.server).createDatabase();
    return {
      url: database.url,
      drop: () => {
        dropped ??= mine.users > 1 ? database.drop().finally(() => release(mine)) : release(mine);
        return dropped;
      },
    };
  } catch (error) {
    await release(mine);
    throw error;
  }
}

async function release(use: NonNullable<typeof shared>): Promise<void> {
  use.users -= 1;
  if (use.users > 0) return;
  if (shared === use) shared = undefined;
  const server = await use.server.catch(() => undefined); // a failed start has been reported to who asked for it
  await server?.stop();
}

/**
 * Registers a `beforeAll` that creates a database and an `afterAll` that drops it, for the tests of a file or a `describe`.
 * jest runs `afterAll` hooks in the order they were registered: call {@link useCleanup} *before* this, so that what uses the
 * database is closed before the database goes.
 */
export function useTestDatabase(): { readonly url: string } {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
  }, START_TIMEOUT_MS);
  afterAll(() => database?.drop());
  return {
    get url() {
      if (!database) throw new Error('the database exists only while the tests of this file run');
      return database.url;
    },
  };
}
