import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks of Linux are a hundredth of a second on every machine that Node.js supports (proc(5), USER_HZ). */
const MS_PER_TICK = 10;
const KIB = 1024;

/**
 * What the parts of a stack have used and use, by part: `{ auth, app, exec, haproxy, postgres, generator }`.
 * CPU in milliseconds since their start, resident memory in bytes; PostgreSQL's memory is proportional (PSS), since its
 * processes share most of theirs. Linux only.
 */
export async function usageOf(stack) {
  const groups = {
    auth: stack.replicas('auth').map(({ pid }) => pid),
    app: stack.replicas('app').map(({ pid }) => pid),
    exec: stack.replicas('exec').map(({ pid }) => pid),
    haproxy: await namedChildren('haproxy'),
    postgres: await familyOf(stack.databasePid),
    generator: [process.pid],
  };
  const entries = await Promise.all(
    Object.entries(groups).map(async ([name, pids]) => {
      const each = await Promise.all(pids.map(usageOfProcess));
      const sum = (key) => each.reduce((total, one) => total + one[key], 0);
      // A postmaster's account holds what its ended children used as well.
      return [
        name,
        { cpuMs: sum('cpuMs') + (name === 'postgres' ? (each[0]?.endedChildrenMs ?? 0) : 0), bytes: sum('bytes') },
      ];
    }),
  );
  return Object.fromEntries(entries);
}

/** CPU of each part between two moments, in milliseconds. */
export function cpuBetween(before, after) {
  return Object.fromEntries(Object.keys(after).map((name) => [name, after[name].cpuMs - before[name].cpuMs]));
}

async function usageOfProcess(pid) {
  try {
    const [stat, rollup] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/smaps_rollup`, 'utf8'),
    ]);
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const kibibytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
    return {
      cpuMs: (fields[11] + fields[12]) * MS_PER_TICK,
      endedChildrenMs: (fields[13] + fields[14]) * MS_PER_TICK,
      bytes: kibibytes * KIB,
    };
  } catch {
    return { cpuMs: 0, endedChildrenMs: 0, bytes: 0 };
  }
}

async function processes() {
  const found = await Promise.all(
    (await readdir('/proc'))
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (pid) => {
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
        const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        return { pid: Number(pid), name, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) };
      }),
  );
  return found.filter(({ name }) => name !== '');
}

async function namedChildren(name) {
  return (await processes()).filter((one) => one.name === name && one.parent === process.pid).map(({ pid }) => pid);
}

async function familyOf(pid) {
  return [pid, ...(await processes()).filter(({ parent }) => parent === pid).map((one) => one.pid)];
}
