import {
  type Fetch,
  gatewaySecretKey,
  type LoginPrompt,
  OAuthTokenSource,
  type SecretsProvider,
  TokenSourceError,
} from '@codex-gateways/token-source';
import { requireServer, type Settings } from '../settings/settings.ts';

/** The public client that every codex-auth knows: the Codex CLI's own, whose callback has this path on any port. */
const BUILT_IN_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const CALLBACK_PATH = '/auth/callback';
const SCOPES = ['openid', 'profile', 'email', 'offline_access'];
/** What a client other than the built-in one needs to call `/api/*`. */
const API_SCOPE = 'codex.api';

export interface SignInOptions {
  readonly clientId?: string | undefined;
  readonly loginMethod?: 'browser' | 'device_code';
  readonly skipBrowser?: boolean;
  /** Any free one by default. */
  readonly callbackPort?: number | undefined;
  readonly onLoginPrompt?: (prompt: LoginPrompt) => void;
  readonly loginTimeoutMs?: number;
}

export interface TokenSourceDeps {
  readonly settings: Settings;
  readonly secrets: SecretsProvider;
  readonly fetch: Fetch | undefined;
  readonly onWarning: (message: string) => void;
}

/** The sign-in at the chosen server. Only `login()` asks a person. */
export function createTokenSource(
  { settings, secrets, fetch, onWarning }: TokenSourceDeps,
  { clientId = settings.entry.client_id ?? BUILT_IN_CLIENT_ID, callbackPort = 0, ...login }: SignInOptions = {},
): OAuthTokenSource {
  const server = requireServer(settings);
  const secretKey = settings.entry.secret_key ?? gatewaySecretKey(server, server);
  const advice = `nobody is signed in at ${server}; run "codex-gateways login --server ${server}"`;
  return new OAuthTokenSource({
    oidc: {
      issuer: server,
      clientId,
      scopes: clientId === BUILT_IN_CLIENT_ID ? SCOPES : [...SCOPES, API_SCOPE],
      callbackPath: CALLBACK_PATH,
      callbackPort,
      asksForConsent: false, // codex-auth gives refresh tokens without asking each time
    },
    secrets,
    secretKey: () => secretKey,
    fallbackError: new TokenSourceError('not_signed_in', advice),
    persistConfig: ({ secretKey: key, expiresAt }) =>
      settings.configFile.updateServer(server, {
        client_id: clientId,
        secret_key: key,
        access_token_expires_at: expiresAt.toISOString(),
      }),
    onWarning,
    ...(fetch ? { fetch } : {}),
    ...login,
  });
}
