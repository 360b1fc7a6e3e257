import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';

/** What an ID token says that is not so. */
export interface IdTokenLies {
  /** In place of its claims; undefined leaves one out. */
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** Its third part; RS256 with the published key otherwise. */
  readonly signature?: (signingInput: string, publishedKey: KeyObject) => string;
}

// Made on import, which only tests with an identity provider do: within a request it would look like a provider that hangs.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** The key that lying providers publish. */
export function publishedJwk(): JsonWebKey {
  return { ...publicKey.export({ format: 'jwk' }), kid: 'k' };
}

/** A key that no provider of these tests publishes. */
export function signWithAnotherKey(signingInput: string): string {
  return sign('sha256', Buffer.from(signingInput), otherKey).toString('base64url');
}

/** The classic: the public key, which everybody has, taken for an HMAC secret. */
export function signWithPublicKeyAsSecret(signingInput: string, publishedKey: KeyObject): string {
  return createHmac('sha256', publishedKey.export({ type: 'spki', format: 'pem' }))
    .update(signingInput)
    .digest('base64url');
}

/** An ID token of these claims, but for the lies. */
export function lyingIdToken(claims: Record<string, unknown>, lies: IdTokenLies): string {
  const header = { alg: 'RS256', kid: 'k', ...lies.header };
  const signingInput = `${encode(header)}.${encode({ ...claims, ...lies.claims })}`;
  const honest = () => sign('sha256', Buffer.from(signingInput), privateKey).toString('base64url');
  return `${signingInput}.${lies.signature?.(signingInput, publicKey) ?? honest()}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
