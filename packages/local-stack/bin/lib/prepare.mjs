// Everything that has to be there before the stack or the tests can run.
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureBuilt } from './build.mjs';
import { ROOT, readTextIfAny } from './checkout.mjs';
import { ensureInstalled } from './install.mjs';
import { StepError, stopStepsOnSignals } from './step.mjs';

/** Names the process that installs or builds here: two of them would delete each other's files. */
const LOCK = join(ROOT, '.cache', 'prepare.lock');

/**
 * Installs and builds what is missing or stale. Ends the process with one line when that does not work.
 * @param steps - `build: false` leaves the build to the caller
 * @param signalExitCode - exit code after Ctrl-C or SIGTERM
 * @returns a function that hands Ctrl-C and SIGTERM to another listener; until it is called they end the process
 */
export async function prepare({ build = true, signalExitCode = 130 } = {}) {
  const handSignalsTo = stopStepsOnSignals(signalExitCode);
  try {
    await takeLock();
    await ensureInstalled();
    if (build) await ensureBuilt();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
  releaseLock();
  return handSignalsTo;
}

async function takeLock() {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  process.on('exit', releaseLock);
  for (let waited = false; !tryLock(); waited = true) {
    const holder = Number(readTextIfAny(LOCK));
    if (!isAlive(holder)) {
      rmSync(LOCK, { force: true });
      continue;
    }
    if (!waited) process.stdout.write(`Waiting for process ${holder}, which prepares this checkout\n`);
    await delay(200);
  }
}

/** A link appears with its content: nobody can read a lock that does not name its holder yet. */
function tryLock() {
  const own = `${LOCK}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, LOCK);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function releaseLock() {
  if (Number(readTextIfAny(LOCK)) === process.pid) rmSync(LOCK, { force: true });
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function explain(error) {
  if (error instanceof StepError) return error.message;
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS') {
    return `The checkout cannot be written by this user: ${error.message}`;
  }
  return error.stack ?? String(error);
}
