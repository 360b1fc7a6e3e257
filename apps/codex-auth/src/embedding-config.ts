import { randomToken } from '@codex-gateways/crypto';
import { type Config, readConfig } from './config.ts';

/** What an embedded authorization server has to know; whatever else of `Config` is left out has the service's default. */
export type AuthorizationServerConfig = Pick<Config, 'issuer' | 'databaseUrl' | 'masterKey'> & Partial<Config>;

/** @throws {ConfigError} when one of the required settings is missing or malformed */
export function completeConfig(settings: AuthorizationServerConfig): Config {
  const { issuer, databaseUrl, masterKey, internalApiSecret } = settings;
  const defaults = readConfig({
    CODEX_AUTH_ISSUER_URL: issuer,
    CODEX_AUTH_DATABASE_URL: databaseUrl,
    CODEX_AUTH_MASTER_KEY: masterKey?.toString('base64'),
    // Without one, no service may introspect with it.
    INTERNAL_API_SECRET: internalApiSecret ?? randomToken(),
  });
  return { ...defaults, ...settings, issuer: defaults.issuer };
}
