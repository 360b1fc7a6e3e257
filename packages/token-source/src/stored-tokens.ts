import { messageOf, TokenSourceError } from './errors.ts';
import { accessTokenKey } from './naming.ts';
import { formatCachedToken, parseCachedToken, type TokenSet } from './provider/token-set.ts';
import type { SecretsProvider } from './secrets/secrets-provider.ts';

export type AccessToken = Pick<TokenSet, 'accessToken' | 'expiresAt'>;

export interface StoredTokensOptions {
  readonly secrets: SecretsProvider;
  readonly refreshTokenKey: string;
  readonly now: () => Date;
  readonly onWarning: (message: string) => void;
}

/** The two secrets of one sign-in: the refresh token, which matters, and the access token beside it, which spares refreshes. */
export class StoredTokens {
  readonly #options: StoredTokensOptions;

  constructor(options: StoredTokensOptions) {
    this.#options = options;
  }

  get isReadOnly(): boolean {
    return this.#options.secrets.isReadOnly;
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.secrets.exclusive(this.#options.refreshTokenKey, work);
  }

  async refreshToken(): Promise<string | undefined> {
    return (await this.#options.secrets.get(this.#options.refreshTokenKey)) || undefined;
  }

  async accessToken(): Promise<AccessToken | undefined> {
    const text = await this.#options.secrets.get(this.#accessTokenKey);
    return text ? parseCachedToken(text, this.#options.now()) : undefined;
  }

  async setRefreshToken(refreshToken: string): Promise<void> {
    await this.#options.secrets.set(this.#options.refreshTokenKey, refreshToken);
  }

  async deleteRefreshToken(): Promise<void> {
    await this.#options.secrets.delete(this.#options.refreshTokenKey);
  }

  /** Best effort: without it every process refreshes, which works too. */
  async cacheAccessToken(token: AccessToken): Promise<void> {
    try {
      await this.#options.secrets.set(this.#accessTokenKey, formatCachedToken(token));
    } catch (error) {
      await this.#options.secrets.delete(this.#accessTokenKey).catch(() => undefined); // rather none than an old one
      this.#options.onWarning(`the access token could not be cached: ${messageOf(error)}`);
    }
  }

  async deleteAll(): Promise<void> {
    await this.#options.secrets.delete(this.#options.refreshTokenKey);
    await this.#options.secrets.delete(this.#accessTokenKey);
  }

  /** Finds out before a person signs in, rather than after, that the place for tokens does not work. */
  async checkWritable(): Promise<void> {
    const { secrets, refreshTokenKey } = this.#options;
    if (secrets.isReadOnly) {
      throw new TokenSourceError(
        'secrets_read_only',
        `${secrets.description} cannot keep a sign-in: choose another place`,
      );
    }
    const key = `${refreshTokenKey}_CHECK`;
    await this.exclusive(async () => {
      await secrets.set(key, 'writable');
      await secrets.delete(key);
    });
  }

  get #accessTokenKey(): string {
    return accessTokenKey(this.#options.refreshTokenKey);
  }
}
