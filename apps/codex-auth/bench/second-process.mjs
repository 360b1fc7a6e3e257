import { execFileSync } from 'node:child_process';
import { backendsOf, cpuMsOf } from './cpu-time.mjs';
import { capacity } from './load.mjs';

const CORES = { first: 0, second: 1 };
const TURNS = 2;

/**
 * What a second process adds to the first, each on a core of its own, together with all of its signing threads. PostgreSQL and the load
 * generator are on the second one's core: what they take there, the second process has not got.
 * @param requests - makes the way to the next request of a connection, for a target
 * @returns requests per second of the first alone and of both; how much of the second core went to the others while both ran
 */
export async function measureSecondProcess({ first, second, postgresPid, requests, connections, seconds }) {
  bind([first.pid], CORES.first);
  bind([second.pid, process.pid, postgresPid, ...(await backendsOf(first.db))], CORES.second);
  const sides = await Promise.all(
    [first, second].map(async (target) => ({ target, requestOf: await requests(target) })),
  );
  const total = { first: 0, both: 0, othersMs: 0 };
  for (let turn = -1; turn < TURNS; turn += 1) {
    const [alone] = await run(sides.slice(0, 1), { connections, seconds: seconds / TURNS });
    const before = await othersMs(first.db);
    const both = await run(sides, { connections, seconds: seconds / TURNS });
    if (turn < 0) continue; // until their code is compiled
    total.othersMs += (await othersMs(first.db)) - before;
    total.first += alone / TURNS;
    total.both += both.reduce((sum, perSecond) => sum + perSecond, 0) / TURNS;
  }
  return { first: total.first, both: total.both, othersShare: total.othersMs / 1000 / (seconds + TURNS) };
}

/** Each side with all the connections, so that none waits for work. */
async function run(sides, { connections, seconds }) {
  const results = await Promise.all(
    sides.map(({ target, requestOf }) => capacity(target.url, requestOf, { connections, seconds })),
  );
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  if (failed > 0) throw new Error(`second process: ${failed} requests failed`);
  return results.map(({ perSecond }) => perSecond);
}

/** CPU time so far of PostgreSQL's backends and of this process, the load generator. */
async function othersMs(db) {
  return (await cpuMsOf(await backendsOf(db))) + (await cpuMsOf([process.pid]));
}

/** Binds processes with all their threads to a core. */
function bind(pids, core) {
  for (const pid of pids) execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}
