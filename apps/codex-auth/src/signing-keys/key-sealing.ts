import { generateRsaKey, loadRsaPrivateKey, type Sealer } from '@codex-gateways/crypto';
import type { SigningKey } from '@codex-gateways/tokens';
import type { NewKey, StoredKey } from './jwks-key-store.ts';

/** Makes a key pair whose private half is sealed. */
export async function makeSealedKey(sealer: Sealer): Promise<NewKey> {
  const { kid, publicN, publicE, privatePkcs8 } = await generateRsaKey();
  return { kid, publicN, publicE, privatePkcs8Sealed: sealer.seal(privatePkcs8, sealContextOf(kid)) };
}

/** @throws {UnsealError} when no configured master key opens it */
export function openSigningKey(sealer: Sealer, { kid, privatePkcs8Sealed }: StoredKey): SigningKey {
  const { privateKey } = loadRsaPrivateKey(sealer.open(privatePkcs8Sealed, sealContextOf(kid)));
  return { kid, privateKey };
}

/** What a key is sealed for: in another row it does not open. */
export function sealContextOf(kid: string): string {
  return `codex_jwks_keys.private_pkcs8:${kid}`;
}
