import { z } from 'zod';
import { hmacTokenFormat } from './hmac-token.ts';

const id = z.string().min(1).max(128);

const claimsSchema = z.object({
  /** The replica that may take the token: its id. */
  aud: id,
  /** What the hop leads to, an executor for example. */
  sub: id,
  /** What the first replica has found out about the caller; each service has fields of its own and checks them. */
  grant: z.record(z.string().max(64), z.union([z.string().max(256), z.number()])),
  exp: z.number().int().nonnegative(),
});

/** One replica's word to another about a connection that it forwards there, until `exp` (epoch seconds). */
export type HopClaims = z.infer<typeof claimsSchema>;

/**
 * The token of an internal hop, minted for each, so that what the client showed stays at the replica that checked it. Header
 * `{"alg":"HS256","typ":"CXF"}`.
 */
export const hopToken = hmacTokenFormat('CXF', claimsSchema);
