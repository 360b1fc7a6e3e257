export { accessTokenEnvVar, deriveSecretKey, ensureOfflineAccess, gatewaySecretKey, secretEnvVar } from './naming.ts';
