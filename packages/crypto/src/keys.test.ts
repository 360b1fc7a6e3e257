import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { generateEd25519Key, signEd25519, verifyEd25519 } from './ed25519.ts';
import { generateRsaKey, kidOfModulus, loadRsaPrivateKey, rsaPublicJwk, rsaPublicKey } from './rsa.ts';

describe('RSA signing keys', () => {
  it('survive storage as PKCS#8 with the same key id', async () => {
    const made = await generateRsaKey();
    const loaded = loadRsaPrivateKey(made.privatePkcs8);
    expect(loaded.kid).toBe(made.kid);
    expect(loaded.publicN).toBe(made.publicN);
    expect(made.kid).toBe(kidOfModulus(made.publicN));
    expect(made.kid).toHaveLength(16);
  });
  it('appear in a JWKS document without anything private', async () => {
    const made = await generateRsaKey();
    expect(Object.keys(rsaPublicJwk(made)).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    expect(rsaPublicKey({ n: made.publicN, e: made.publicE }).equals(createPublicKey(made.privateKey))).toBe(true);
  });
  it('are not found in bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => expect(() => loadRsaPrivateKey(bytes)).toThrow()),
    );
  });
  it('are refused when the bytes are another kind of key', () => {
    expect(() => loadRsaPrivateKey(generateEd25519Key().privatePkcs8)).toThrow(TypeError);
  });
});

describe('Ed25519 agent keys', () => {
  it('verify what their private half signed, and nothing else', () => {
    const key = generateEd25519Key();
    const signature = signEd25519(key.privatePkcs8, 'agent:2026-01-01T00:00:00Z');
    expect(verifyEd25519(key.publicKey, 'agent:2026-01-01T00:00:00Z', signature)).toBe(true);
    expect(verifyEd25519(key.publicKey, 'agent:2026-01-01T00:00:01Z', signature)).toBe(false);
    expect(verifyEd25519(generateEd25519Key().publicKey, 'agent:2026-01-01T00:00:00Z', signature)).toBe(false);
  });
  it('accept the vector of RFC 8032 §7.1 test 1', () => {
    const publicKey = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
    const signature = Buffer.from(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      'hex',
    );
    expect(verifyEd25519(publicKey, '', signature)).toBe(true);
  });
  it('take bytes of a wrong length for no signature', () => {
    const key = generateEd25519Key();
    expect(verifyEd25519(key.publicKey, 'm', Buffer.alloc(63))).toBe(false);
    expect(verifyEd25519(key.publicKey.subarray(1), 'm', Buffer.alloc(64))).toBe(false);
  });
  it('take any bytes for a key and a signature, and verify what was signed alone', () => {
    const key = generateEd25519Key();
    const bytes = (length: number) =>
      fc.oneof(fc.uint8Array({ minLength: length, maxLength: length }), fc.uint8Array());
    fc.assert(
      fc.property(fc.string(), bytes(32), bytes(64), (message, publicKey, signature) => {
        expect(verifyEd25519(key.publicKey, message, signEd25519(key.privatePkcs8, message))).toBe(true);
        expect(verifyEd25519(key.publicKey, message, signature)).toBe(false);
        expect(typeof verifyEd25519(publicKey, message, signature)).toBe('boolean');
        expect(verifyEd25519(publicKey, message, signEd25519(key.privatePkcs8, message))).toBe(false);
      }),
    );
  });
});
