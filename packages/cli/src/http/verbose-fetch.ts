import { type Fetch, requestIdOf } from '@codex-gateways/token-source';

/** Tells of each exchange what anybody may know of it: no query, header or body, where tokens travel. */
export function verboseFetch(fetch: Fetch, detail: (text: string) => void): Fetch {
  return async (url, init) => {
    const { origin, pathname } = new URL(url);
    const startedAtMs = performance.now();
    const tell = (outcome: string) => {
      detail(`${init.method} ${origin}${pathname} → ${outcome} (${Math.round(performance.now() - startedAtMs)} ms)`);
    };
    try {
      const answer = await fetch(url, init);
      const requestId = requestIdOf(answer);
      tell(`${answer.status}${requestId === undefined ? '' : `, request ${requestId}`}`);
      return answer;
    } catch (error) {
      tell('no answer');
      throw error;
    }
  };
}
