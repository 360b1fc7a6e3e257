import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_MS = 2000;

/** What a connection costs while nothing is said on it. @returns a line for each target */
export async function measureIdleMemory(generator, targets, connections) {
  const lines = [];
  for (const target of targets) {
    const before = await target.memory();
    await generator.run('idle', { url: target.url, count: connections });
    await sleep(SETTLE_MS);
    const after = await target.memory();
    const kibEach = (name) => ((after[name] - before[name]) / connections / 1024).toFixed(1);
    lines.push(
      `${target.name}, KiB for each of ${connections} idle connections: RSS ${kibEach('rss')}, heap ${kibEach('heapUsed')}, external ${kibEach('external')}`,
    );
    process.stderr.write(`${lines.at(-1)}\n`);
    await generator.run('closeIdle');
    await sleep(SETTLE_MS / 2);
  }
  return lines;
}
