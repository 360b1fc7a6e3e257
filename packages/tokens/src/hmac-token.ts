import { createHmac } from 'node:crypto';
import { constantTimeEqual } from '@codex-gateways/crypto';
import type { z } from 'zod';
import { decodeJson, encodeJson } from './jws.ts';

/** Why a gateway token was refused. For logs and metrics, never for the caller. */
export type HmacTokenRefusal = 'malformed' | 'bad_signature' | 'bad_payload' | 'expired';

export type HmacTokenOutcome<Payload> =
  | { readonly ok: true; readonly payload: Payload }
  | { readonly ok: false; readonly reason: HmacTokenRefusal };

/** One kind of token: its header is fixed text, so a token of one kind is never taken for another. */
export interface HmacTokenFormat<Payload extends { exp: number }> {
  /** `header.payload.signature`, each base64url; the signature is HMAC-SHA256 over `header.payload`. */
  mint(payload: Payload, secret: string): string;
  /** @param nowSeconds - epoch seconds; a token is dead at `exp` exactly */
  verify(token: string, secret: string, nowSeconds: number): HmacTokenOutcome<Payload>;
}

/** Longer tokens are refused unread. */
const MAX_HMAC_TOKEN_LENGTH = 4096;

/**
 * Defines a token format. The header is compared as text and the signature in constant time before anything of the
 * payload is read.
 * @param typ - tells the formats apart
 */
export function hmacTokenFormat<Payload extends { exp: number }>(
  typ: string,
  payloadSchema: z.ZodType<Payload>,
): HmacTokenFormat<Payload> {
  const header = encodeJson({ alg: 'HS256', typ });
  return {
    mint(payload, secret) {
      const signedText = `${header}.${encodeJson(payloadSchema.parse(payload))}`;
      return `${signedText}.${hmacBase64Url(secret, signedText)}`;
    },
    verify(token, secret, nowSeconds) {
      if (token.length > MAX_HMAC_TOKEN_LENGTH) return { ok: false, reason: 'malformed' };
      const parts = token.split('.');
      const [tokenHeader, payload, signature] = parts;
      if (parts.length !== 3 || tokenHeader !== header || !payload || !signature)
        return { ok: false, reason: 'malformed' };
      if (!constantTimeEqual(signature, hmacBase64Url(secret, `${header}.${payload}`))) {
        return { ok: false, reason: 'bad_signature' };
      }
      const claims = payloadSchema.safeParse(decodeJson(payload));
      if (!claims.success) return { ok: false, reason: 'bad_payload' };
      if (!(claims.data.exp > nowSeconds)) return { ok: false, reason: 'expired' };
      return { ok: true, payload: claims.data };
    },
  };
}

/** HMAC-SHA256 in base64url without padding, 43 characters. An empty secret is a mistake of the caller. */
export function hmacBase64Url(secret: string, text: string): string {
  if (secret === '') throw new TypeError('an HMAC secret must not be empty');
  return createHmac('sha256', secret).update(text).digest('base64url');
}
