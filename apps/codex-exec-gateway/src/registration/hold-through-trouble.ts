import { setTimeout as delay } from 'node:timers/promises';
import { withinDeadline } from '@codex-gateways/runtime';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

interface HoldOptions {
  readonly holdMs: number;
  readonly isPassing: (error: unknown) => boolean;
  readonly callerGone: AbortSignal;
}

/**
 * Tries until it works, as long as what stands in the way may pass. Any error answer to a register call ends the executor's
 * process (docs/protocol.md), so a restart of the database or of codex-auth must not become one.
 * @param attempt - its signal aborts when the time is up or the caller has gone
 * @param holdMs - 0 tries once
 * @param isPassing - false for an error that time does not heal, which is thrown at once
 * @throws the last error when the time is up
 */
export function holdThroughTrouble<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  { holdMs, isPassing, callerGone }: HoldOptions,
): Promise<T> {
  if (holdMs === 0) return attempt(callerGone);
  return withinDeadline({ timeoutMs: holdMs, other: callerGone }, (signal) => tryUntil(signal, { attempt, isPassing }));
}

async function tryUntil<T>(
  signal: AbortSignal,
  { attempt, isPassing }: { attempt: (signal: AbortSignal) => Promise<T> } & Pick<HoldOptions, 'isPassing'>,
): Promise<T> {
  const timeIsUp = rejection(signal);
  let trouble: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      // Not every attempt can be aborted; one that hangs is left behind.
      return await Promise.race([attempt(signal), timeIsUp]);
    } catch (error) {
      if (signal.aborted) throw trouble ?? error;
      if (!isPassing(error)) throw error;
      trouble = error;
    }
    try {
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal });
    } catch {
      throw trouble;
    }
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  const rejected = new Promise<never>((_, reject) => {
    const rejectNow = () => reject(new HoldExpired());
    if (signal.aborted) rejectNow();
    else signal.addEventListener('abort', rejectNow, { once: true });
  });
  rejected.catch(() => undefined); // nobody may be waiting when it happens
  return rejected;
}

/** The time was up before a single attempt had ended. */
export class HoldExpired extends Error {
  override readonly name = 'HoldExpired';
}
