import { setTimeout as delay } from 'node:timers/promises';
import type { LiveHarnesses } from '../relay/live-harnesses.ts';
import type { ExecutorConnection } from './executor-connection.ts';
import type { LocalExecutors } from './local-executors.ts';

const LONGEST_STEP_MS = 20;
const LOOK_AGAIN_MS = 50;

/**
 * Sends every executor away with 1001, one after the other, so that they do not all knock at the next replica at once: first
 * those that carry no bridge, the others when their bridges end or the time is up. Bridges to executors of other replicas have the
 * same time.
 */
export async function drainConnections(
  { localExecutors, liveHarnesses }: { localExecutors: LocalExecutors; liveHarnesses: LiveHarnesses },
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const stepMs = Math.min(LONGEST_STEP_MS, timeoutMs / (2 * Math.max(localExecutors.size, 1)));
  while (localExecutors.size + liveHarnesses.size > 0 && performance.now() < deadlineMs) {
    const idle = [...localExecutors].filter(({ relay }) => relay.harnesses.size === 0);
    for (const executor of idle) {
      sendAway(executor);
      await delay(stepMs);
    }
    if (idle.length === 0) await delay(Math.min(LOOK_AGAIN_MS, Math.max(deadlineMs - performance.now(), 0)));
  }
  for (const executor of [...localExecutors]) sendAway(executor);
  for (const harness of [...liveHarnesses]) harness.close('goingAway', SHUTTING_DOWN);
}

const SHUTTING_DOWN = 'this server is shutting down; connect again';

function sendAway(executor: ExecutorConnection): void {
  for (const harness of [...executor.relay.harnesses]) harness.close('goingAway', SHUTTING_DOWN);
  executor.close('goingAway', SHUTTING_DOWN);
}
