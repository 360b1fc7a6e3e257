import { setTimeout as sleep } from 'node:timers/promises';
import { createListener, createPool } from '@codex-gateways/database';
import { withStack } from './bench-stack.mjs';
import { cpuBetween, usageOf } from './measure.mjs';

const SECONDS = 3;
const WRITERS = 8;
const PAYLOAD = JSON.stringify({ kind: 'evicted', exe_id: 'exe_00000000-0000-4000-8000-000000000000', number: 1 });
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What a NOTIFY costs PostgreSQL, beside the same row written without one, with more and more who listen. */
export async function measureNotifications() {
  return withStack({}, async ({ stack }) => {
    const pool = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'growth', maxConnections: WRITERS });
    await pool.query('create table public.growth (id bigint generated always as identity, body text)');
    const write = 'insert into public.growth (body) values ($1)';
    const notify = `with written as (${write} returning body) select pg_notify('growth', body) from written`;
    const rows = [{ listeners: 0, ...(await rateOf(stack, () => pool.query(write, [PAYLOAD]))), what: 'insert alone' }];
    const listeners = [];
    for (const count of [0, 1, 3, 10, 30]) {
      while (listeners.length < count) {
        const listener = createListener({ databaseUrl: stack.databaseUrl, log: silent });
        await listener.listen(
          'growth',
          () => undefined,
          () => undefined,
        );
        listeners.push(listener);
      }
      rows.push({
        listeners: count,
        ...(await rateOf(stack, () => pool.query(notify, [PAYLOAD]))),
        what: 'insert and notify',
      });
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    }
    for (const listener of listeners) await listener.close();
    await pool.end();
    return rows;
  });
}

async function rateOf(stack, once) {
  let done = 0;
  let isOver = false;
  const loops = Array.from({ length: WRITERS }, async () => {
    while (!isOver) {
      await once();
      done += 1;
    }
  });
  await sleep(500);
  const [before, doneBefore, startedAt] = [await usageOf(stack), done, performance.now()];
  await sleep(SECONDS * 1000);
  const count = done - doneBefore;
  const perSecond = count / ((performance.now() - startedAt) / 1000);
  const cpu = cpuBetween(before, await usageOf(stack));
  isOver = true;
  await Promise.all(loops);
  return { perSecond, postgresUs: (cpu.postgres * 1000) / count };
}
