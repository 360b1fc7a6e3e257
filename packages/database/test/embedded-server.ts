import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/index.ts';

/** initdb and a start may take long on a machine that does much else. */
export const PATIENCE_MS = 300_000;

/** A folder for one test file; its parents are closed to other users, as a home folder often is. */
export function useTemporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'codex-gateways-'));
  });
  afterAll(() => rmSync(folder.path, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** One server for a test file, and a fresh database in it for each call of `createDatabase`. */
export function useEmbeddedServer(): { createDatabase(): Promise<string>; readonly server: EmbeddedPostgres } {
  let starting: Promise<EmbeddedPostgres> | undefined;
  let running: EmbeddedPostgres | undefined;
  let databases = 0;
  // Before the hook that deletes the folder: jest runs them in the order of their registration.
  afterAll(() => stopStarted(starting), PATIENCE_MS);
  const folder = useTemporaryFolder();
  beforeAll(async () => {
    const dataDirectory = join(folder.path, 'data');
    starting = startEmbeddedPostgres({ dataDirectory, port: 0, user: 'tester', password: 'pw', durable: false });
    running = await starting;
  }, PATIENCE_MS);
  const server = (): EmbeddedPostgres => {
    if (!running) throw new Error('the server is started before the tests');
    return running;
  };
  return {
    get server() {
      return server();
    },
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await server().ensureDatabase(name);
      return server().url(name);
    },
  };
}

/** Stops a server, also one that has started after the patience of a test or a hook was over: it would keep jest from its end. */
export async function stopStarted(starting: Promise<EmbeddedPostgres> | undefined): Promise<void> {
  const server = await starting?.catch(() => undefined); // a failed start was reported to who waited for it
  await server?.stop();
}

/** Waits for something that happens in another process. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
