// Installs what package-lock.json names, when that has not been done yet.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, readTextIfAny } from './checkout.mjs';
import { runStep, StepError } from './step.mjs';

/** Holds the digest of the lock file that was installed completely. `npm ci` removes it first of all. */
const MARKER = join(ROOT, 'node_modules', '.codex-gateways-install');

/** Runs `npm ci` when node_modules is missing, was left unfinished, or belongs to another package-lock.json. */
export async function ensureInstalled() {
  const lock = readTextIfAny(join(ROOT, 'package-lock.json'));
  if (lock === undefined) throw new StepError(`${ROOT} has no package-lock.json: is the checkout complete?`);
  const digest = createHash('sha256').update(lock).digest('hex');
  if (readTextIfAny(MARKER)?.trim() === digest) return;
  if (!wasInstalledByHand(JSON.parse(lock))) await runNpmCi();
  writeFileSync(MARKER, `${digest}\n`);
}

async function runNpmCi() {
  // Under `npm start` the variable names npm's own script; the path of `npm` may be something else.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const command = [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await runStep('Installing dependencies', command, { cwd: ROOT, env: process.env });
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new StepError(`Installing dependencies failed: ${reasonOf(error.output) ?? error.message}`);
  }
}

/**
 * npm writes the tree it installed to node_modules/.package-lock.json when it is done. When that agrees with the lock file
 * and with what is there (`npm install --package-lock-only` writes it as well), someone has run npm himself, and nothing
 * needs to be done again.
 */
function wasInstalledByHand(lock) {
  const text = readTextIfAny(join(ROOT, 'node_modules', '.package-lock.json'));
  if (text === undefined) return false;
  const installed = JSON.parse(text).packages ?? {};
  const wanted = lock.packages ?? {};
  const isThere = ([path, { version }]) => {
    const manifest = readTextIfAny(join(ROOT, path, 'package.json'));
    return manifest !== undefined && (version === undefined || JSON.parse(manifest).version === version);
  };
  const isAsWanted = ([path, entry]) => {
    const found = installed[path];
    // Packages for other platforms are left out.
    if (path === '' || (!found && entry.optional)) return true;
    return found !== undefined && found.version === entry.version && found.integrity === entry.integrity;
  };
  const isKnown = ([path]) => path in wanted;
  return (
    Object.entries(wanted).every(isAsWanted) &&
    Object.entries(installed).every((entry) => isKnown(entry) && isThere(entry))
  );
}

/** npm's own first lines say what is wrong; the rest points at its log. */
function reasonOf(output = '') {
  const lines = output
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .filter((line) => line && !/^(A complete log|\/|[A-Z]:\\)/.test(line));
  return lines.length > 0 ? lines.slice(0, 4).join('; ') : undefined;
}
