// Builds what is stale. Turbo decides which package that is; it is not even asked when no source has changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listWorkspaces, ROOT, readTextIfAny } from './checkout.mjs';
import { runStep, StepError } from './step.mjs';

/** Holds the fingerprint of the sources that were built completely. */
const MARKER = join(ROOT, 'node_modules', '.codex-gateways-build');
const OWN_FILES = ['package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** How turbo is called here: as a script, so that it does not depend on node_modules/.bin, quiet and without telemetry. */
export function turboCommand(...args) {
  return [process.execPath, join(ROOT, 'node_modules', 'turbo', 'bin', 'turbo'), 'run', ...args];
}

/** The caller's environment, with what turbo should not do. */
export function turboEnvironment(extra = {}) {
  return { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', DO_NOT_TRACK: '1', ...extra };
}

/** Compiles every package whose sources have changed since the last complete build. */
export async function ensureBuilt() {
  const buildable = listWorkspaces().filter(({ scripts }) => scripts.build);
  const fingerprint = fingerprintOf(buildable);
  const complete = buildable.every(({ folder }) => existsSync(join(ROOT, folder, 'dist')));
  if (complete && readTextIfAny(MARKER)?.trim() === fingerprint) return;
  const command = turboCommand('build', '--ui=stream', '--output-logs=errors-only', '--log-order=grouped');
  try {
    await runStep('Building', command, { cwd: ROOT, env: turboEnvironment() });
  } catch (error) {
    if (error instanceof StepError) process.stderr.write(`${error.output.trim()}\n`);
    throw error;
  }
  writeFileSync(MARKER, `${fingerprint}\n`);
}

/** Digest over the name, size and change time of every file that a build reads. */
function fingerprintOf(workspaces) {
  const hash = createHash('sha256');
  const add = (path) => {
    const stat = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (stat) hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  add('tsconfig.base.json');
  add('package-lock.json');
  for (const { folder } of workspaces) {
    for (const file of OWN_FILES) add(join(folder, file));
    for (const file of listSources(join(folder, 'src'))) add(file);
  }
  return hash.digest('hex');
}

function listSources(folder) {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true })
    .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$/.test(file))
    .sort()
    .map((file) => join(folder, file));
}
