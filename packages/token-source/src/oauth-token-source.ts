import { TokenSourceError } from './errors.ts';
import { loginWithBrowser, openInBrowser } from './login/browser-login.ts';
import { loginWithDeviceCode } from './login/device-login.ts';
import type { TokenSourceOptions } from './options.ts';
import { OidcClient } from './provider/oidc-client.ts';
import { refreshPersistently, revokeIfPossible, type SignOutOutcome } from './provider/refresh-token-uses.ts';
import type { TokenSet } from './provider/token-set.ts';
import { type AccessToken, StoredTokens } from './stored-tokens.ts';

const DEFAULT_REFRESH_WINDOW_SECONDS = 30;
const DEFAULT_LOGIN_TIMEOUT_MS = 300_000;

/**
 * An access token whenever one is asked for, from the first of these that has one:
 * 1. this process's memory;
 * 2. the access token cached in the secrets provider, so that short-lived processes do not race to rotate the refresh token;
 * 3. a refresh with the refresh token in the secrets provider: one process at a time, under a lock;
 * 4. a login by a person, when `interactive`.
 * Safe to use from many callers and many processes at once: together they make one refresh.
 */
export class OAuthTokenSource {
  readonly #options: TokenSourceOptions;
  readonly #client: OidcClient;
  #memory: AccessToken | undefined;
  /** A refresh token that is (or could) not be stored: it lasts as long as the process. */
  #heldRefreshToken: string | undefined;
  #underWay: Promise<AccessToken> | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    const { oidc, fetch, requestTimeoutMs } = options;
    this.#client = new OidcClient({ oidc, fetch, requestTimeoutMs, now: this.#now });
  }

  /**
   * A token that is good for longer than the refresh window, unless the provider gives none so long.
   * @param rejected - a token that a server has just refused: another one is fetched, also when it has not expired
   * @throws {TokenSourceError} see its codes
   */
  async token(options: { rejected?: string } = {}): Promise<string> {
    return (await this.accessToken(options)).accessToken;
  }

  /** As `token`, with its end. */
  async accessToken({ rejected }: { rejected?: string } = {}): Promise<AccessToken> {
    const remembered = this.#usable(this.#memory, rejected);
    if (remembered) return remembered;
    const token = await this.#singleFlight(() => this.#obtain(rejected));
    if (token.accessToken !== rejected) return token;
    return this.#singleFlight(() => this.#obtain(rejected)); // it joined a flight that knew nothing of the refusal
  }

  /**
   * Has a person sign in, whatever is stored, and stores what comes of it.
   * @throws {TokenSourceError} see its codes
   */
  login({ signal }: { signal?: AbortSignal } = {}): Promise<AccessToken> {
    return this.#login(signal);
  }

  /**
   * Revokes the refresh token at the provider and forgets both tokens here, the latter also when the former fails.
   */
  async signOut(): Promise<SignOutOutcome> {
    const stored = this.#stored();
    if (!stored) return this.#revoke(this.#heldRefreshToken);
    return stored.exclusive(async () => {
      const refreshToken = this.#heldRefreshToken ?? (await stored.refreshToken().catch(() => undefined));
      const outcome = await this.#revoke(refreshToken);
      await stored.deleteAll();
      return outcome;
    });
  }

  readonly #now = (): Date => this.#options.clock?.now() ?? new Date();

  async #obtain(rejected: string | undefined): Promise<AccessToken> {
    let reason: unknown;
    try {
      const token = await this.#fromWhatIsKept(rejected);
      if (token) return token;
    } catch (error) {
      if (!mayHelpToSignIn(error)) throw error;
      reason = error;
    }
    if (this.#options.interactive) return this.#login(undefined);
    throw (
      reason ??
      this.#options.fallbackError ??
      new TokenSourceError('not_signed_in', 'nobody is signed in: sign in first')
    );
  }

  async #fromWhatIsKept(rejected: string | undefined): Promise<AccessToken | undefined> {
    const stored = this.#stored();
    if (!stored) return this.#refreshInMemory();
    const seen = await stored.accessToken();
    const cached = this.#usable(seen, rejected);
    if (cached) return this.#remember(cached);
    return stored.exclusive(async () => {
      const now = await stored.accessToken();
      // What another process has fetched while this one waited is as good as it gets, however short it lives.
      const isNew = now?.accessToken !== seen?.accessToken && now?.accessToken !== rejected;
      const usable = isNew && now && now.expiresAt > this.#now() ? now : this.#usable(now, rejected);
      return usable ? this.#remember(usable) : this.#refreshStored(stored);
    });
  }

  async #refreshStored(stored: StoredTokens): Promise<AccessToken | undefined> {
    const refreshToken = this.#heldRefreshToken ?? (await stored.refreshToken());
    if (refreshToken === undefined) return undefined;
    try {
      return await this.#keep(await refreshPersistently(this.#client, refreshToken), {
        stored,
        replaces: refreshToken,
      });
    } catch (error) {
      if (!(error instanceof TokenSourceError) || error.code !== 'sign_in_again') throw error;
      this.#heldRefreshToken = undefined;
      const current = await stored.refreshToken();
      // Another machine that shares these secrets, but not the lock, was faster.
      if (current !== undefined && current !== refreshToken) {
        return this.#keep(await refreshPersistently(this.#client, current), { stored, replaces: current });
      }
      if (!stored.isReadOnly) await stored.deleteAll();
      throw error;
    }
  }

  async #refreshInMemory(): Promise<AccessToken> {
    const refreshToken = this.#heldRefreshToken;
    if (refreshToken === undefined) {
      const message = 'no place to keep tokens is configured: give this program a secrets provider';
      throw new TokenSourceError('secrets_unavailable', message);
    }
    return this.#keep(await refreshPersistently(this.#client, refreshToken), {
      stored: undefined,
      replaces: refreshToken,
    });
  }

  async #login(signal: AbortSignal | undefined): Promise<AccessToken> {
    const stored = this.#stored();
    await stored?.checkWritable();
    const tokens = await this.#askPerson(signal);
    if (!stored) return this.#keep(tokens, { stored, replaces: undefined });
    return stored.exclusive(async () => {
      if (tokens.refreshToken === undefined) await stored.deleteRefreshToken(); // it may be another person's
      return this.#keep(tokens, { stored, replaces: undefined });
    });
  }

  #askPerson(signal: AbortSignal | undefined): Promise<TokenSet> {
    const { oidc, loginMethod, skipBrowser, openUrl = openInBrowser } = this.#options;
    const { onLoginPrompt: onPrompt = () => undefined, loginTimeoutMs: timeoutMs = DEFAULT_LOGIN_TIMEOUT_MS } =
      this.#options;
    const common = { client: this.#client, onPrompt, timeoutMs, signal };
    return loginMethod === 'device_code'
      ? loginWithDeviceCode({ ...common, now: this.#now })
      : loginWithBrowser({ ...common, oidc, openUrl: skipBrowser ? undefined : openUrl });
  }

  /** Stores the refresh token first: losing it ends the sign-in, losing the access token costs one refresh. */
  async #keep(
    tokens: TokenSet,
    { stored, replaces }: { stored: StoredTokens | undefined; replaces: string | undefined },
  ): Promise<AccessToken> {
    const { accessToken, expiresAt, refreshToken = replaces } = tokens;
    const token = this.#remember({ accessToken, expiresAt });
    this.#heldRefreshToken = refreshToken;
    if (!stored || stored.isReadOnly) return token;
    const isAnother = refreshToken !== undefined && refreshToken !== (await this.#storedRefreshToken(stored));
    if (isAnother) await stored.setRefreshToken(refreshToken);
    this.#heldRefreshToken = undefined;
    await stored.cacheAccessToken(token);
    if (isAnother || replaces === undefined) {
      await this.#options.persistConfig?.({ secretKey: this.#options.secretKey(), expiresAt });
    }
    return token;
  }

  /** What cannot be read is replaced. */
  async #storedRefreshToken(stored: StoredTokens): Promise<string | undefined> {
    return stored.refreshToken().catch(() => undefined);
  }

  #revoke(refreshToken: string | undefined): Promise<SignOutOutcome> {
    this.#memory = undefined;
    this.#heldRefreshToken = undefined;
    return revokeIfPossible(this.#client, refreshToken);
  }

  #stored(): StoredTokens | undefined {
    const { secrets, secretKey, onWarning = () => undefined } = this.#options;
    return secrets && new StoredTokens({ secrets, refreshTokenKey: secretKey(), now: this.#now, onWarning });
  }

  /** @returns the token when it is not the rejected one and lives on beyond the refresh window */
  #usable(token: AccessToken | undefined, rejected: string | undefined): AccessToken | undefined {
    const windowMs = (this.#options.refreshWindowSeconds ?? DEFAULT_REFRESH_WINDOW_SECONDS) * 1000;
    const isUsable = token?.accessToken !== rejected && Number(token?.expiresAt) - windowMs > this.#now().getTime();
    return isUsable ? token : undefined;
  }

  #remember(token: AccessToken): AccessToken {
    this.#memory = token;
    return token;
  }

  /** Callers of one process share one attempt. */
  #singleFlight(attempt: () => Promise<AccessToken>): Promise<AccessToken> {
    this.#underWay ??= attempt().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }
}

/** The other failures would meet a login too, or would hide what has to be repaired. */
function mayHelpToSignIn(error: unknown): boolean {
  const codes = ['sign_in_again', 'secrets_unavailable', 'secrets_unreadable'];
  return error instanceof TokenSourceError && codes.includes(error.code);
}
