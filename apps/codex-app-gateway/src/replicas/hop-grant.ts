import { bearerOf, HttpError } from '@codex-gateways/service';
import { hopToken } from '@codex-gateways/tokens';
import { z } from 'zod';
import { type Caller, isCallerId } from '../authentication/authenticator.ts';

/** Where a gateway takes clients that others pass on to it. */
export const FORWARDED_PATH = '/forwarded-app-server';

/** The code of a 409: another gateway has the workspace by now. */
export const NOT_HOME = 'not_home';

/** How long the token of a hop may be used: it is minted right before. Covers clocks that differ a little. */
const HOP_LIFETIME_SECONDS = 30;

/** The code of a 403 that says that the hop itself was refused, and nothing about the client. */
export const HOP_REFUSED = 'hop_refused';

const grantSchema = z.object({
  kind: z.literal('app_server'),
  user_id: z.string().refine(isCallerId).optional(),
});

export interface HopContext {
  /** The gateway that has the app-server. */
  readonly name: string;
  readonly secret: string;
  readonly nowSeconds: number;
}

/** What one gateway tells another about a client whose token it has verified. */
export function mintHop({ workspaceId, userId }: Caller, { name, secret, nowSeconds }: HopContext): string {
  const grant = { kind: 'app_server', ...(userId === undefined ? {} : { user_id: userId }) };
  return hopToken.mint({ aud: name, sub: workspaceId, grant, exp: nowSeconds + HOP_LIFETIME_SECONDS }, secret);
}

/**
 * The caller of a client that another gateway forwards to this one.
 * @throws {HttpError} 403 when the token was not minted for this gateway just now
 */
export function readHop(authorization: string | undefined, { name, secret, nowSeconds }: HopContext): Caller {
  const outcome = hopToken.verify(bearerOf(authorization) ?? '', secret, nowSeconds);
  if (!outcome.ok) throw hopRefused(outcome.reason);
  const { aud, sub: workspaceId, grant } = outcome.payload;
  const parsed = grantSchema.safeParse(grant);
  if (aud !== name || !parsed.success || !isCallerId(workspaceId)) throw hopRefused('minted for something else');
  return { workspaceId, ...(parsed.data.user_id === undefined ? {} : { userId: parsed.data.user_id }) };
}

function hopRefused(reason: string): HttpError {
  return new HttpError(403, HOP_REFUSED, 'only other gateways of this installation call here', { reason });
}
