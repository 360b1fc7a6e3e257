import { failureReason } from '../upstream/failure-reason.ts';
import { readLimited } from '../upstream/read-limited.ts';
import { isLoopbackHttp, isSecureUrl } from '../upstream/secure-url.ts';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';

/** Metadata and a registration are a few KiB. */
export const MAX_ANSWER_BYTES = 262_144;

export interface UpstreamQuestion {
  /** Of the configuration entry, for errors. */
  readonly upstream: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly method?: 'GET' | 'POST';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly bearer?: string | undefined;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** Undefined when it is no JSON. */
  readonly json: unknown;
}

/**
 * One exchange with an upstream: no redirect is followed, one deadline for all of it, a limit for the answer.
 * @throws {UpstreamRegistrationError} `unreachable` when there is no whole answer, `not_configured` for a URL that no secret
 *   may be sent to; any status is an answer
 */
export async function askUpstream(question: UpstreamQuestion): Promise<UpstreamAnswer> {
  const { upstream, url, timeoutMs, method = 'GET', body, bearer } = question;
  if (!isSecureUrl(url)) throw new UpstreamRegistrationError(upstream, 'not_configured', 'a URL must be https');
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
  const init = { method, headers, body: body === undefined ? null : JSON.stringify(body), signal };
  try {
    const answer = await fetch(url, { ...init, redirect: 'manual' });
    return { status: answer.status, json: parsed(await readLimited(answer, MAX_ANSWER_BYTES)) };
  } catch (error) {
    const why = signal.aborted ? 'gave no answer in time' : `could not be asked: ${failureReason(error)}`;
    throw new UpstreamRegistrationError(upstream, 'unreachable', `${new URL(url).origin} ${why}`, error);
  }
}

/**
 * Whether a URL that an upstream names may be asked: https; http to this machine only where the upstream itself is one of it,
 * since nobody else has a say about what runs here.
 */
export function mayBeNamedBy(issuer: string, url: string): boolean {
  if (!isSecureUrl(url)) return false;
  return !isLoopbackHttp(url) || isLoopbackHttp(issuer);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
