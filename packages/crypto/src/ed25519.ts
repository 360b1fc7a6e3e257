import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

/** An agent's key pair: the private half leaves in its Agent Identity JWT, the public half stays for verification. */
export interface Ed25519KeyPair {
  /** PKCS#8 DER, as `agent_private_key` carries it in base64. */
  readonly privatePkcs8: Buffer;
  /** The raw 32 bytes (RFC 8032 §5.1.5). */
  readonly publicKey: Buffer;
}

// The DER of SubjectPublicKeyInfo for Ed25519 (RFC 8410 §4) up to the 32 key bytes.
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Makes a fresh pair; a few tens of microseconds, so not worth the thread pool. */
export function generateEd25519Key(): Ed25519KeyPair {
  const pair = generateKeyPairSync('ed25519');
  const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
  return {
    privatePkcs8: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey: spki.subarray(SPKI_PREFIX.length),
  };
}

/** Signs a message with a PKCS#8 DER private key: 64 bytes. */
export function signEd25519(privatePkcs8: Uint8Array, message: string): Buffer {
  return sign(
    null,
    Buffer.from(message),
    createPrivateKey({ key: Buffer.from(privatePkcs8), format: 'der', type: 'pkcs8' }),
  );
}

/** Whether `signature` is this key's over the message. Bytes of the wrong length are simply not a signature. */
export function verifyEd25519(publicKey: Uint8Array, message: string, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  return verify(null, Buffer.from(message), ed25519PublicKey(publicKey), signature);
}

function ed25519PublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}
