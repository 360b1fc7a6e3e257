export { constantTimeEqual, fingerprint, type RandomSource, randomToken, sha256 } from './digest.ts';
export { type Ed25519KeyPair, generateEd25519Key, signEd25519, verifyEd25519 } from './ed25519.ts';
export {
  generateRsaKey,
  kidOfModulus,
  loadRsaPrivateKey,
  type RsaKeyPair,
  type RsaPublicJwk,
  rsaPublicJwk,
  rsaPublicKey,
} from './rsa.ts';
export { createSealer, parseSealingKey, type Sealer, UnsealError } from './sealing.ts';
