import type { LoginPrompt } from './login/login-prompt.ts';
import type { Fetch } from './provider/bounded-fetch.ts';
import type { OidcParams } from './provider/oidc-client.ts';
import type { SecretsProvider } from './secrets/secrets-provider.ts';

/** What the caller's configuration remembers of a sign-in; never a token. */
export interface TokenReference {
  readonly secretKey: string;
  /** Of the access token that came with it. */
  readonly expiresAt: Date;
}

export interface TokenSourceOptions {
  readonly oidc: OidcParams;
  /** Where tokens are kept. Without one a login lasts as long as the process, and nothing else is possible. */
  readonly secrets?: SecretsProvider | undefined;
  /** The key of the refresh token in the secrets provider. Asked often: deterministic and without side effects. */
  readonly secretKey: () => string;
  /** Whether a person may be asked to sign in; false by default. */
  readonly interactive?: boolean;
  readonly loginMethod?: 'browser' | 'device_code';
  /** Only show the URL, through `onLoginPrompt`; for a browser on another screen. */
  readonly skipBrowser?: boolean;
  readonly onLoginPrompt?: (prompt: LoginPrompt) => void;
  /** How long a person has for a login; 5 minutes by default. */
  readonly loginTimeoutMs?: number;
  /** Called after a login and after the provider gave another refresh token; not after other refreshes. */
  readonly persistConfig?: (reference: TokenReference) => void | Promise<void>;
  /** Thrown when nothing is stored, no login is allowed, and there is no better reason. */
  readonly fallbackError?: Error;
  /** How long before its end an access token is replaced; 30 s by default. */
  readonly refreshWindowSeconds?: number;
  /** Of one exchange with the provider; 15 s by default. */
  readonly requestTimeoutMs?: number;
  /** What went wrong without keeping the token from being fetched. */
  readonly onWarning?: (message: string) => void;
  readonly fetch?: Fetch;
  readonly openUrl?: (url: string) => Promise<unknown>;
  readonly clock?: { now(): Date };
}
