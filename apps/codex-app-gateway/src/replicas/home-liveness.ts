import { abortAfter } from '@codex-gateways/runtime';
import { request } from 'undici';

/** A gateway answers at once whether it lives, while starting an app-server may take its time. */
const PROBE_AFTER_MS = 1000;
const PROBE_TIMEOUT_MS = 2000;

/**
 * Watches a gateway while it is waited for: one that is paused, or behind a network that has been parted, takes a connection and
 * says nothing.
 * @param onSilent - called once, when it does not answer
 * @returns ends the watch
 */
export function watchHome(url: string, onSilent: () => void): () => void {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const probe = async () => {
    const isAlive = await answers(url, over.signal);
    if (over.signal.aborted) return;
    if (isAlive) timer = setTimeout(probe, PROBE_AFTER_MS).unref();
    else onSilent();
  };
  timer = setTimeout(probe, PROBE_AFTER_MS).unref();
  return () => {
    clearTimeout(timer);
    over.abort();
  };
}

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await request(`${url}/healthz`, { signal: abortAfter(PROBE_TIMEOUT_MS, signal) });
    await answer.body.dump();
    return true;
  } catch {
    return false;
  }
}
