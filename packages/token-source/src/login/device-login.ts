import { setTimeout as delay } from 'node:timers/promises';
import { abortAfter } from '@codex-gateways/runtime';
import { TokenSourceError } from '../errors.ts';
import { UnreachableError } from '../provider/bounded-fetch.ts';
import type { OidcClient } from '../provider/oidc-client.ts';
import type { TokenSet } from '../provider/token-set.ts';
import type { LoginOptions } from './login-prompt.ts';

export interface DeviceLoginOptions extends LoginOptions {
  readonly client: OidcClient;
  readonly now: () => Date;
}

type StartedLogin = Awaited<ReturnType<OidcClient['startDeviceLogin']>>;

/**
 * Signs a person in on another machine (RFC 8628), for machines without a browser.
 * @throws {TokenSourceError} `login_refused`, `login_timed_out`, `login_cancelled`, `provider_…`
 */
export async function loginWithDeviceCode(options: DeviceLoginOptions): Promise<TokenSet> {
  const { client, now, onPrompt, timeoutMs, signal } = options;
  const login = await client.startDeviceLogin();
  const lifetimeMs = Math.min(login.expires_in * 1000, timeoutMs);
  onPrompt({
    kind: 'device_code',
    userCode: login.user_code,
    verificationUri: login.verification_uri,
    verificationUriComplete: login.verification_uri_complete,
    expiresAt: new Date(now().getTime() + lifetimeMs),
  });
  const end = abortAfter(lifetimeMs, signal);
  try {
    return await pollPatiently(client, login, end);
  } catch (error) {
    if (signal?.aborted) throw new TokenSourceError('login_cancelled', 'the sign-in was cancelled', { cause: error });
    if (!end.aborted && !isExpired(error)) throw error;
    throw new TokenSourceError('login_timed_out', 'nobody entered the code in time', { cause: error });
  }
}

/** A lost answer is no reason to give up: the person may be typing (RFC 8628 §3.5). */
async function pollPatiently(client: OidcClient, login: StartedLogin, signal: AbortSignal): Promise<TokenSet> {
  for (;;) {
    try {
      return await client.pollDeviceLogin(login, signal);
    } catch (error) {
      if (!(error instanceof UnreachableError) || signal.aborted) throw error;
      await delay((login.interval ?? 5) * 1000, undefined, { signal });
    }
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof TokenSourceError && error.providerCode === 'expired_token';
}
