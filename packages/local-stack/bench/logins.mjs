import { setTimeout as sleep } from 'node:timers/promises';
import { withStack } from './bench-stack.mjs';
import { cpuBetween, usageOf } from './measure.mjs';

const CONNECTIONS = 16;
const SECONDS = 6;
/** By each replica, before it counts: a new process is compiled while it works. */
const WARM_UP_EACH = 500;

/** Logins and refreshes a second through the balancer, with 1, 2 and 3 replicas of codex-auth. */
export async function measureLogins() {
  const rows = [];
  for (const auth of [1, 2, 3]) {
    await withStack({ auth }, async ({ stack, people }) => {
      const sessions = await Promise.all(Array.from({ length: CONNECTIONS }, () => people.session()));
      const idle = await usageOf(stack);
      const logins = await rateOf(stack, (connection) => people.logIn(sessions[connection].cookie));
      const tokens = await Promise.all(sessions.map(({ cookie }) => people.logIn(cookie)));
      const refreshes = await rateOf(stack, async (connection) => {
        tokens[connection] = await people.refresh(tokens[connection].refresh_token);
      });
      const idleBytes = idle.auth.bytes / auth;
      rows.push({ auth, logins, refreshes, idleBytes, busyBytes: (await usageOf(stack)).auth.bytes / auth });
    });
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  }
  return rows;
}

/** Each connection begins its next one when the last is answered. */
async function rateOf(stack, once) {
  let done = 0;
  let isOver = false;
  const loops = Array.from({ length: CONNECTIONS }, async (_, connection) => {
    while (!isOver) {
      await once(connection);
      done += 1;
    }
  });
  while (done < WARM_UP_EACH * stack.replicas('auth').length) await sleep(20);
  const [before, doneBefore, startedAt] = [await usageOf(stack), done, performance.now()];
  await sleep(SECONDS * 1000);
  const count = done - doneBefore;
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuBetween(before, await usageOf(stack));
  isOver = true;
  await Promise.all(loops);
  const perOneMs = Object.fromEntries(Object.entries(cpu).map(([name, ms]) => [name, ms / count]));
  return { perSecond: count / elapsedSeconds, cpuMs: perOneMs };
}
