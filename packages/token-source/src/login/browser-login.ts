import { randomToken } from '@codex-gateways/crypto';
import { abortAfter } from '@codex-gateways/runtime';
import open from 'open';
import { TokenSourceError } from '../errors.ts';
import type { OidcClient, OidcParams } from '../provider/oidc-client.ts';
import type { TokenSet } from '../provider/token-set.ts';
import { CallbackServer } from './callback-server.ts';
import type { LoginOptions } from './login-prompt.ts';

export const DEFAULT_CALLBACK_PORT = 8666;
const DEFAULT_CALLBACK_PATH = '/callback';

export interface BrowserLoginOptions extends LoginOptions {
  readonly client: OidcClient;
  readonly oidc: Pick<OidcParams, 'callbackPort' | 'callbackPath'>;
  /** Opens the person's browser; undefined to only show the URL. */
  readonly openUrl: ((url: string) => Promise<unknown>) | undefined;
}

/**
 * Signs a person in through the browser: authorization code with PKCE and a loopback callback (RFC 8252).
 * @throws {TokenSourceError} `login_refused`, `login_timed_out`, `login_cancelled`, `callback_port_taken`, `provider_…`
 */
export async function loginWithBrowser(options: BrowserLoginOptions): Promise<TokenSet> {
  const { client, oidc } = options;
  const state = randomToken();
  const { callbackPort: port = DEFAULT_CALLBACK_PORT, callbackPath: path = DEFAULT_CALLBACK_PATH } = oidc;
  const server = await CallbackServer.start({ port, path, state });
  try {
    const request = await client.authorizationRequest(server.redirectUri, state);
    await showUrl(request.url.href, options);
    const callback = await untilTimeout(server.callback, options);
    try {
      const tokens = await client.redeem(callback.url, request);
      callback.answer('signed_in');
      return tokens;
    } catch (error) {
      callback.answer('failed');
      throw error;
    }
  } finally {
    await server.close();
  }
}

/** The default way to open a browser. */
export async function openInBrowser(url: string): Promise<void> {
  const opener = await open(url);
  opener.on('error', () => undefined); // the URL is shown too
}

async function showUrl(url: string, { openUrl, onPrompt }: BrowserLoginOptions): Promise<void> {
  const isOpened = openUrl
    ? await openUrl(url).then(
        () => true,
        () => false,
      )
    : false;
  onPrompt({ kind: 'browser', url, isOpened });
}

async function untilTimeout<T>(callback: Promise<T>, { timeoutMs, signal }: LoginOptions): Promise<T> {
  const end = abortAfter(timeoutMs, signal);
  const ended = new Promise<never>((_, reject) => {
    const giveUp = () => {
      const isCancelled = signal?.aborted ?? false;
      const message = isCancelled ? 'the sign-in was cancelled' : `nobody signed in within ${timeoutMs / 1000} s`;
      reject(new TokenSourceError(isCancelled ? 'login_cancelled' : 'login_timed_out', message));
    };
    if (end.aborted) giveUp();
    else end.addEventListener('abort', giveUp, { once: true });
  });
  return Promise.race([callback, ended]);
}
