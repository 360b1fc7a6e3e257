import { z } from 'zod';
import { hmacTokenFormat } from './hmac-token.ts';

const id = z.string().min(1).max(128);

const claimsSchema = z.object({
  exe_id: id,
  turn_id: id,
  workspace_id: id,
  executor_registration_id: id,
  /** SHA-256 of the harness public key, base64url: the ticket belongs to one harness. */
  harness_key_digest: z.string().length(43),
  /** When the turn's capability token ends, epoch seconds: the opened bridge ends with it. */
  capability_exp: z.number().int().nonnegative().optional(),
  /** The trace of the `/connect` call (W3C Trace Context), where it is recorded. */
  traceparent: z.string().max(128).optional(),
  exp: z.number().int().nonnegative(),
});

/** One harness's permission to open `/bridge/{exe_id}` once more, until `exp` (epoch seconds). */
export type BridgeTicketClaims = z.infer<typeof claimsSchema>;

/**
 * The ticket that `/connect` puts into the bridge url, since a harness sends no headers there. It outlives neither
 * the turn nor a minute. Header `{"alg":"HS256","typ":"CXB"}`. See docs/protocol.md.
 */
export const bridgeTicket = hmacTokenFormat('CXB', claimsSchema);
