import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { countReports, describeReports, listGroup, reportFlags } from './diagnostic-reports.mjs';

const LOOK_EVERY_MS = 500;
/** Jest itself may take long before its first file and between two, however short the limit of one is. */
const LEAST_START_LIMIT_MS = 120_000;
const LOOK_FOR_REPORTS_EVERY_MS = 100;
const TIME_FOR_REPORTS_MS = 10_000;

/**
 * Runs jest in a process group of its own. Jest limits tests and hooks, but neither the loading of a file nor its own exit:
 * what exceeds these limits is ended, and what it was doing is printed.
 * @param args - jest and its arguments
 * @param options - `progress()` as in progress.mjs; `fileLimitMs`: for each file of tests; `exitLimitMs`: from the end of the last file to
 * jest's exit
 * @returns `exitCode`; `wasEnded`: before all files had ended. A jest that only did not exit has run all tests: its exit code is 0.
 */
export async function runWithLimits(args, { nodeFlags, scratch, env, progress, ...limits }) {
  const flags = [...nodeFlags, ...reportFlags(scratch)];
  const stdio = ['ignore', 'inherit', 'inherit'];
  const jest = spawn(process.execPath, [...flags, ...args], { env, stdio, detached: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signalGroup(jest, signal));
  let exitCode;
  const exited = once(jest, 'exit').then(([code]) => {
    exitCode = code ?? 1;
  });

  const startedAtMs = Date.now();
  for (;;) {
    await Promise.race([exited, delay(LOOK_EVERY_MS)]);
    if (exitCode !== undefined) {
      signalGroup(jest, 'SIGKILL'); // what the tests left there may hold our output open
      return { exitCode, wasEnded: false };
    }
    const { running, completeAtMs, lastAtMs = startedAtMs } = progress();
    const exceeded = whatExceeds(limits, { running, completeAtMs, lastAtMs });
    if (!exceeded) continue;
    await end(jest, exceeded, scratch);
    await exited;
    const wasEnded = completeAtMs === undefined;
    return { exitCode: wasEnded ? 1 : 0, wasEnded };
  }
}

/** @returns in words, what has taken longer than it may; `undefined` when nothing has */
function whatExceeds({ fileLimitMs, exitLimitMs }, { running, completeAtMs, lastAtMs }) {
  const nowMs = Date.now();
  if (completeAtMs !== undefined) {
    return nowMs - completeAtMs > exitLimitMs ? 'jest did not exit after its last test' : undefined;
  }
  const endless = running.filter(({ atMs }) => nowMs - atMs > fileLimitMs);
  if (endless.length > 0) return `${endless.map(({ path }) => path).join(', ')} did not end`;
  const startLimitMs = Math.max(fileLimitMs, LEAST_START_LIMIT_MS);
  return running.length === 0 && nowMs - lastAtMs > startLimitMs ? 'jest began no file' : undefined;
}

async function end(jest, what, scratch) {
  const processes = listGroup(jest.pid);
  signalGroup(jest, 'SIGUSR2');
  await waitForReports(scratch, processes.length);
  const lines = [`${what}; its processes, and what keeps them:`, ...processes, ...describeReports(scratch)];
  process.stderr.write(`\n${lines.join('\n')}\n`);
  signalGroup(jest, 'SIGKILL');
}

/** One report a process, or as many as come in time: one that computes writes none. */
async function waitForReports(scratch, count) {
  const deadlineMs = performance.now() + TIME_FOR_REPORTS_MS;
  while (performance.now() < deadlineMs) {
    await delay(LOOK_FOR_REPORTS_EVERY_MS);
    if (count > 0 && countReports(scratch) >= count) return;
  }
}

function signalGroup({ pid }, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
