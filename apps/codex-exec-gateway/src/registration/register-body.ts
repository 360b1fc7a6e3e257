import { HttpError, identifier, parseInput } from '@codex-gateways/service';
import { type NoisePublicKey, noisePublicKeySchema } from '@codex-gateways/tokens';
import { z } from 'zod';
import { NOISE_SECURITY_PROFILE } from './generation.ts';

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/, 'must be base64');

const noiseBodySchema = z.object({
  security_profile: z.string().max(128),
  executor_public_key: noisePublicKeySchema.and(
    z.object({ suite: identifier, x25519_public_key: base64, mlkem768_public_key: base64 }),
  ),
});

/**
 * What an executor registers with: a Noise public key, or undefined for a legacy executor, which sends no body at all. Only the
 * body tells the generations apart (docs/protocol.md).
 * @param raw - the body's bytes, undefined when there is none
 * @throws {HttpError} 400 for a body that is neither
 */
export function parseRegisterBody(raw: unknown): NoisePublicKey | undefined {
  if (!Buffer.isBuffer(raw) || raw.length === 0) return undefined;
  const body = parseInput(noiseBodySchema, parseJson(raw));
  if (body.security_profile !== NOISE_SECURITY_PROFILE) {
    throw new HttpError(
      400,
      'unsupported_security_profile',
      `this gateway relays ${NOISE_SECURITY_PROFILE} only; use a Codex version that it supports`,
    );
  }
  return body.executor_public_key;
}

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    throw new HttpError(400, 'invalid_request', 'the request body is not valid JSON');
  }
}
