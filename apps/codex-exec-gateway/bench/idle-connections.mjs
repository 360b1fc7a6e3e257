import { setTimeout as sleep } from 'node:timers/promises';

const REGISTRATIONS_AT_ONCE = 32;
const SETTLE_MS = 3000;

/** Registers executors, connects them, and looks at what each costs while it does nothing. */
export async function measureIdleConnections(generator, { gateway, floor, connections }) {
  const lines = [];
  const registered = await registrations(gateway, connections);
  const { perSecond, p50Ms, p99Ms } = registered;
  lines.push(
    `${connections} registrations, ${REGISTRATIONS_AT_ONCE} at a time: ${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  );
  for (const [target, urls] of [
    [gateway, registered.urls],
    [floor, floor.idleUrls(connections)],
  ]) {
    const before = await target.memory();
    const startedAt = performance.now();
    await generator.run('idle', { urls });
    const connectedPerSecond = connections / ((performance.now() - startedAt) / 1000);
    await sleep(SETTLE_MS);
    const after = await target.memory();
    const kibEach = (name) => ((after[name] - before[name]) / connections / 1024).toFixed(1);
    lines.push(
      `${target.name}, KiB for each of ${connections} idle executors: RSS ${kibEach('rss')}, heap ${kibEach('heapUsed')}, external ${kibEach('external')}; ${connectedPerSecond.toFixed(0)} connected/s`,
    );
    process.stderr.write(`${lines.at(-1)}\n`);
    await generator.run('closeIdle');
    await sleep(1000);
  }
  return lines;
}

async function registrations(gateway, count) {
  const waiting = await gateway.newExecutors(count);
  const urls = [];
  const latenciesMs = [];
  const startedAt = performance.now();
  const worker = async () => {
    for (let exeId = waiting.pop(); exeId; exeId = waiting.pop()) {
      const sentAt = performance.now();
      urls.push(await gateway.register(exeId));
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: REGISTRATIONS_AT_ONCE }, worker));
  const perSecond = count / ((performance.now() - startedAt) / 1000);
  latenciesMs.sort((left, right) => left - right);
  const at = (share) => latenciesMs[Math.min(count - 1, Math.floor(count * share))];
  return { urls, perSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
}
