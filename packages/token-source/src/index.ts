export { TokenSourceError, type TokenSourceErrorCode } from './errors.ts';
export { accessTokenEnvVar, deriveSecretKey, ensureOfflineAccess, gatewaySecretKey, secretEnvVar } from './naming.ts';
export { type EncryptedFileOptions, EncryptedFileSecrets } from './secrets/encrypted-file-secrets.ts';
export { EnvironmentSecrets } from './secrets/environment-secrets.ts';
export { type KeyringOptions, KeyringSecrets } from './secrets/keyring-secrets.ts';
export { LayeredSecrets } from './secrets/layered-secrets.ts';
export { MemorySecrets } from './secrets/memory-secrets.ts';
export type { SecretsProvider } from './secrets/secrets-provider.ts';
