import { readFile } from 'node:fs/promises';

/** Clock ticks of Linux are a hundredth of a second on every machine that Node.js supports (proc(5), USER_HZ). */
const MS_PER_TICK = 10;

/** CPU time of processes so far, user and system, all threads, in milliseconds; those that are gone count nothing. Linux only. */
export async function cpuMsOf(pids) {
  const each = await Promise.all(
    pids.map(async (pid) => {
      try {
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
      } catch {
        return 0;
      }
    }),
  );
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** The PostgreSQL processes that serve the database of a pool. */
export async function backendsOf(pool) {
  const { rows } = await pool.query('select pid from pg_stat_activity where datname = current_database()');
  return rows.map(({ pid }) => pid);
}
