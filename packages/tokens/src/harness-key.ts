import { sha256 } from '@codex-gateways/crypto';
import { z } from 'zod';
import { hmacTokenFormat } from './hmac-token.ts';

/** A Noise public key, as executors and harnesses send it. */
export const noisePublicKeySchema = z.object({
  suite: z.string().min(1).max(128),
  x25519_public_key: z.string().min(1).max(128),
  mlkem768_public_key: z.string().min(1).max(4096),
});
export type NoisePublicKey = z.infer<typeof noisePublicKeySchema>;

const claimsSchema = z.object({
  executor_registration_id: z.string().min(1).max(128),
  harness_key_digest: z.string().length(43),
  turn_id: z.string().min(1).max(128),
  workspace_id: z.string().min(1).max(128),
  exp: z.number().int().nonnegative(),
});

/** What the executor is told about a harness that knocks: which turn vouches for which key, until `exp`. */
export type HarnessKeyAuthorizationClaims = z.infer<typeof claimsSchema>;

/**
 * The `harness_key_authorization` of `/connect`, which the executor presents at `/validate` before it accepts the
 * harness's handshake. Header `{"alg":"HS256","typ":"CXH"}`. See docs/protocol.md.
 */
export const harnessKeyAuthorization = hmacTokenFormat('CXH', claimsSchema);

/** Identifies a Noise public key: base64url SHA-256 over its three members, each ended by a NUL. */
export function noiseKeyDigest(key: NoisePublicKey): string {
  return sha256(`${key.suite}\0${key.x25519_public_key}\0${key.mlkem768_public_key}\0`).toString('base64url');
}
