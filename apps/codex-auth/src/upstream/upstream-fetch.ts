import type { CustomFetch } from 'openid-client';
import { failureReason } from './failure-reason.ts';
import { readLimited } from './read-limited.ts';
import { isLoopbackHttp } from './secure-url.ts';
import { UpstreamError } from './upstream-error.ts';

/** Metadata, keys, tokens and what is said about a person are a few KiB. */
const MAX_ANSWER_BYTES = 524_288;

/**
 * How a provider is asked: https, or http on loopback where its configuration says so; no redirect is followed; a deadline for the
 * whole exchange; a limit for the answer. Throws {@link UpstreamError} `unavailable` when there is no answer, or one
 * that says nothing about the request (5xx, 429), and `unusable` for an address that may not be asked.
 * @param isLocal - whether the configuration names a provider on this machine
 */
export function createUpstreamFetch({
  provider,
  isLocal,
  timeoutMs,
}: {
  provider: string;
  isLocal: boolean;
  timeoutMs: number;
}): CustomFetch {
  const unavailable = (why: string, cause?: unknown) => new UpstreamError(provider, 'unavailable', why, cause);
  return async (address, { body, method, headers }) => {
    const url = new URL(address);
    if (url.protocol !== 'https:' && !(isLocal && isLoopbackHttp(address))) {
      throw new UpstreamError(provider, 'unusable', `${url.origin} is not an address that secrets may be sent to`);
    }
    const signal = AbortSignal.timeout(timeoutMs);
    const init = { method, headers, redirect: 'manual', signal } as const;
    const answer = await exchange(address, { ...init, body: bodyOf(body) }).catch((error: unknown) => {
      const why = signal.aborted ? 'no answer in time' : failureReason(error);
      throw unavailable(`${url.origin}: ${why}`, error);
    });
    if (answer.status >= 500 || answer.status === 429) throw unavailable(`${url.origin} answers ${answer.status}`);
    return answer;
  };
}

/**
 * For providers without OpenID Connect: what else a token answer has is none of ours (RFC 6749 §5.1), and an ID token there would be
 * held against an issuer and keys that nobody named.
 */
export function withoutIdTokens(ask: CustomFetch): CustomFetch {
  return async (address, options) => {
    const answer = await ask(address, options);
    const body: unknown = await answer
      .clone()
      .json()
      .catch(() => undefined);
    if (typeof body !== 'object' || body === null || !('access_token' in body) || !('id_token' in body)) return answer;
    const { id_token: _, ...rest } = body;
    const { status, statusText, headers } = answer;
    return new Response(JSON.stringify(rest), { status, statusText, headers });
  };
}

/** Gives the whole answer, so that reading it falls under the deadline. */
async function exchange(address: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(address, init);
  const body = await readLimited(answer, MAX_ANSWER_BYTES);
  const { status, statusText, headers } = answer;
  return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
}

/** Forms, and nothing else, are sent here. */
function bodyOf(body: unknown): string | null {
  return body === undefined || body === null ? null : String(body);
}
