export { cpuMsOf } from '@codex-gateways/testing';

/** The PostgreSQL processes that serve the database of a pool. */
export async function backendsOf(pool) {
  const { rows } = await pool.query('select pid from pg_stat_activity where datname = current_database()');
  return rows.map(({ pid }) => pid);
}
