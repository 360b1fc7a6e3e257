import { HttpError } from '@codex-gateways/service';
import { hopToken } from '@codex-gateways/tokens';
import { z } from 'zod';
import type { HarnessPermission } from '../relay/admit-harness.ts';

/** How long the token of a hop may be used: it is minted right before. Covers clocks that differ a little. */
const HOP_LIFETIME_SECONDS = 30;

/** The code of a 403 that says that the hop itself was refused, and nothing about the harness. */
export const HOP_REFUSED = 'hop_refused';

const grantSchema = z.object({
  turn_id: z.string(),
  workspace_id: z.string(),
  generation: z.enum(['noise', 'legacy']),
  executor_registration_id: z.string().optional(),
  capability_exp: z.number(),
});

/** What one replica tells another about a harness that it has checked. */
export function mintHop(
  { admission, registrationId }: HarnessPermission,
  { replicaId, secret, nowSeconds }: { replicaId: string; secret: string; nowSeconds: number },
): string {
  const grant: Record<string, string | number> = {
    turn_id: admission.turnId,
    workspace_id: admission.workspaceId,
    generation: admission.generation,
    capability_exp: admission.expiresAtSeconds,
    ...(registrationId === undefined ? {} : { executor_registration_id: registrationId }),
  };
  return hopToken.mint({ aud: replicaId, sub: admission.exeId, grant, exp: nowSeconds + HOP_LIFETIME_SECONDS }, secret);
}

/**
 * The permission of a harness whose bridge another replica forwards to this one.
 * @throws {HttpError} 403 when the token was not minted for this replica and executor just now
 */
export function readHop(
  { exeId, token }: { exeId: string; token: string | undefined },
  { replicaId, secret, nowSeconds }: { replicaId: string; secret: string; nowSeconds: number },
): HarnessPermission {
  const outcome = hopToken.verify(token ?? '', secret, nowSeconds);
  if (!outcome.ok) throw hopRefused(outcome.reason);
  const { aud, sub, grant } = outcome.payload;
  const parsed = grantSchema.safeParse(grant);
  if (aud !== replicaId || sub !== exeId || !parsed.success) throw hopRefused('of another replica or executor');
  const { turn_id, workspace_id, generation, executor_registration_id, capability_exp } = parsed.data;
  return {
    admission: {
      ...{ exeId, generation },
      ...{ turnId: turn_id, workspaceId: workspace_id, expiresAtSeconds: capability_exp },
    },
    registrationId: executor_registration_id,
  };
}

function hopRefused(reason: string): HttpError {
  return new HttpError(403, HOP_REFUSED, 'only other servers of this gateway call here', { reason });
}
