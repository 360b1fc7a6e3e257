import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** An RSA-2048 key pair ready for signing (private) and for a JWKS document (public). */
export interface RsaKeyPair {
  /** Derived from the modulus, so that the same key has the same id everywhere. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** PKCS#8 DER; seal it before it is stored. */
  readonly privatePkcs8: Buffer;
  /** Modulus, base64url without padding (RFC 7518 §6.3.1.1). */
  readonly publicN: string;
  /** Exponent, base64url without padding (RFC 7518 §6.3.1.2). */
  readonly publicE: string;
}

/** A public RSA signing key as a JWKS entry (RFC 7517 §4, RFC 7518 §6.3.1). */
export interface RsaPublicJwk {
  readonly kty: 'RSA';
  readonly use: 'sig';
  readonly alg: 'RS256';
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

const KID_LENGTH = 16;

/** The key id of a modulus: its first 16 base64url characters, 96 bits. */
export function kidOfModulus(publicN: string): string {
  return publicN.slice(0, KID_LENGTH);
}

/** Makes a fresh RSA-2048 key pair on the thread pool. */
export async function generateRsaKey(): Promise<RsaKeyPair> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return describeRsaKey(privateKey);
}

/**
 * Parses a PKCS#8 DER private key back into the pair it came from.
 * @throws {TypeError} when the bytes are not an RSA private key of at least 2048 bits
 */
export function loadRsaPrivateKey(pkcs8: Uint8Array): RsaKeyPair {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (privateKey.asymmetricKeyType !== 'rsa' || bits < 2048) {
    throw new TypeError('a signing key must be RSA with at least 2048 bits');
  }
  return describeRsaKey(privateKey);
}

/** The JWKS entry of a public key, from the two numbers that are stored. */
export function rsaPublicJwk(key: Pick<RsaKeyPair, 'kid' | 'publicN' | 'publicE'>): RsaPublicJwk {
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid: key.kid, n: key.publicN, e: key.publicE };
}

/** A verification key from a JWKS entry's two numbers. */
export function rsaPublicKey({ n, e }: { n: string; e: string }): KeyObject {
  return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
}

function describeRsaKey(privateKey: KeyObject): RsaKeyPair {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
  if (!jwk.n || !jwk.e) throw new TypeError('an RSA key has a modulus and an exponent');
  return {
    kid: kidOfModulus(jwk.n),
    privateKey,
    privatePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicN: jwk.n,
    publicE: jwk.e,
  };
}
