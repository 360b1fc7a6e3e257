import { type Sealer, UnsealError } from '@codex-gateways/crypto';
import { z } from 'zod';

/** The tokens of one sign-in, with whose they are: a row that is given another owner does not open. */
export interface TokenSet {
  readonly userId: string;
  readonly provider: string;
  /** Who issued them, and may be asked for fresh ones. */
  readonly authority: string;
  readonly subject: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
}

const setSchema = z.object({
  user_id: z.string(),
  provider: z.string(),
  authority: z.string(),
  subject: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  id_token: z.string().optional(),
});

/** What tokens are sealed for: in another row they do not open. */
export function upstreamTokensContextOf(id: string): string {
  return `upstream_tokens.tokens:${id}`;
}

export function sealTokenSet(sealer: Sealer, id: string, set: TokenSet): Buffer {
  const text = JSON.stringify({
    user_id: set.userId,
    provider: set.provider,
    authority: set.authority,
    subject: set.subject,
    access_token: set.accessToken,
    refresh_token: set.refreshToken,
    id_token: set.idToken,
  });
  return sealer.seal(Buffer.from(text), upstreamTokensContextOf(id));
}

/** @throws {UnsealError} when no configured master key opens them, or they are not of this user and provider */
export function openTokenSet(
  sealer: Sealer,
  row: { id: string; userId: string; provider: string; sealed: Buffer },
): TokenSet {
  const text = sealer.open(row.sealed, upstreamTokensContextOf(row.id)).toString('utf8');
  const set = setSchema.parse(JSON.parse(text));
  if (set.user_id !== row.userId || set.provider !== row.provider) {
    throw new UnsealError('upstream tokens are in the row of somebody else');
  }
  return {
    userId: set.user_id,
    provider: set.provider,
    authority: set.authority,
    subject: set.subject,
    accessToken: set.access_token,
    refreshToken: set.refresh_token,
    idToken: set.id_token,
  };
}
