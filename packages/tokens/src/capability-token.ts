import { z } from 'zod';
import { hmacTokenFormat } from './hmac-token.ts';

const id = z.string().min(1).max(128);
const epochSeconds = z.number().int().nonnegative();

const claimsSchema = z.object({
  turn_id: id,
  workspace_id: id,
  user_id: id.optional(),
  iat: epochSeconds,
  exp: epochSeconds,
  /** The trace in which the turn began (W3C Trace Context), where it is recorded. */
  traceparent: z.string().max(128).optional(),
});

/** What an app-server may do: reach the executors of one workspace for one turn, until `exp` (epoch seconds). */
export type CapabilityClaims = z.infer<typeof claimsSchema>;

/**
 * The capability token that the app-gateway mints for an app-server and the exec-gateway verifies, keyed with
 * `CXG_CAPTOKEN_HMAC_SECRET`. Header `{"alg":"HS256","typ":"CXG"}`. See docs/protocol.md.
 */
export const capabilityToken = hmacTokenFormat('CXG', claimsSchema);
