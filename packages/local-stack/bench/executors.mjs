import { setTimeout as sleep } from 'node:timers/promises';
import { mintWsTicket } from '@codex-gateways/tokens';
import { withStack } from './bench-stack.mjs';
import { cpuBetween, usageOf } from './measure.mjs';
import { createExecutors, open, Registrar } from './scripted-executor.mjs';

const REPLICAS = 3;
const AT_ONCE = 48;
/** One whole interval of pings. */
const IDLE_SECONDS = 30;
/** More are not registered over HTTP: their registrations are written, as if they had been made a moment ago. */
const REGISTERED_AT_MOST = 1000;
const TICKET_SECONDS = 300;

/**
 * What connected executors cost that do nothing. They come to the replicas in turn, past the balancer: a process has
 * 20,000 descriptors on many machines, and HAProxy needs two for each.
 */
export async function measureExecutors(count) {
  return withStack({ exec: REPLICAS }, async ({ stack, db, people }) => {
    const { cookie, userId, workspaceId } = await people.session();
    const { access_token: accessToken } = await people.logIn(cookie);
    const isRegistered = count <= REGISTERED_AT_MOST;
    const ids = await createExecutors(db, { count, userId, workspaceId, owners: isRegistered ? 1 : count / 10 });
    await db.query('analyze'); // as autovacuum does by itself within a minute
    await sleep(3000);
    const empty = await usageOf(stack);
    const urls = isRegistered ? undefined : await writeRegistrations(db, stack, ids);
    const startedAt = performance.now();
    const sockets = await connectAll(stack, ids, { accessToken, urls });
    const connectSeconds = (performance.now() - startedAt) / 1000;
    const connected = await usageOf(stack);
    await sleep(4000);
    const before = await usageOf(stack);
    await sleep(IDLE_SECONDS * 1000);
    const after = await usageOf(stack);
    const listMs = await timeOf(() => listConnected(stack, workspaceId));
    const open = sockets.filter((ws) => ws.readyState === ws.OPEN).length;
    for (const ws of sockets) ws.terminate();
    const row = { count, open, isRegistered, connectSeconds, connect: cpuBetween(empty, connected), listMs };
    const idle = cpuBetween(before, after);
    const bytesEach = (part) => (after[part].bytes - empty[part].bytes) / count;
    return {
      ...row,
      idleSeconds: IDLE_SECONDS,
      idle,
      bytesEach: { exec: bytesEach('exec'), postgres: bytesEach('postgres') },
    };
  });
}

/** @returns the address that registering would have answered, for each */
async function writeRegistrations(db, stack, ids) {
  const expiresAt = Math.floor(Date.now() / 1000) + TICKET_SECONDS;
  await db.query(
    `with ticketed as (
       update codex_exec.executors set last_ticket_expires_at = $2, last_registered_at = now()
        where exe_id = any ($1)
       returning exe_id
     )
     insert into codex_exec.executor_registrations (executor_registration_id, exe_id, ticket_expires_at, generation)
     select 'reg_' || exe_id, exe_id, $2, 'legacy' from ticketed`,
    [ids, expiresAt],
  );
  const replicas = stack.replicas('exec').map(({ url }) => url.replace('http', 'ws'));
  return ids.map((id, index) => {
    const ticket = mintWsTicket(id, expiresAt, stack.secrets.captokenSecret);
    return `${replicas[index % replicas.length]}/codex-exec/${id}?token=${ticket}`;
  });
}

async function connectAll(stack, ids, { accessToken, urls }) {
  const registrars = stack.replicas('exec').map(({ url }) => new Registrar(url, accessToken));
  const sockets = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < ids.length) {
        const index = next;
        next += 1;
        sockets.push(await open(urls?.[index] ?? (await registrars[index % registrars.length].register(ids[index]))));
      }
    }),
  );
  for (const registrar of registrars) await registrar.close();
  return sockets;
}

async function listConnected(stack, workspaceId) {
  const url = `${stack.replicas('exec')[0].url}/api/exec-gateway/connected?workspace_id=${workspaceId}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${stack.secrets.execSharedSecret}` } });
  await answer.arrayBuffer();
}

async function timeOf(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
