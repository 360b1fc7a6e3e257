import { setTimeout as sleep } from 'node:timers/promises';

const WARM_UP_MS = 500;

/** Does what the parent asks by IPC, a command of this table at a time, each answered. Ends with the parent. */
export function serveCommands(commands) {
  process.on('message', async ({ id, command, ...options }) => {
    try {
      process.send({ id, result: (await commands[command](options)) ?? {} });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** Tells the parent when the measured time begins and ends: it reads the CPU time of what is measured then. */
export async function measure(seconds, switchOn) {
  await sleep(WARM_UP_MS);
  process.send({ mark: 'begin' });
  switchOn(true);
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  switchOn(false);
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  process.send({ mark: 'end' });
  return { elapsedSeconds };
}

/** Sorts latencies. @returns the one below which a share of them lies */
export function quantiles(latencies) {
  latencies.sort((left, right) => left - right);
  return (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
}
