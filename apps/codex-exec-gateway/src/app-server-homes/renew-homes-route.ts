import { identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { AppServerHomes } from './app-server-homes.ts';
import { epochSchema, gatewaySchema } from './homes-input.ts';

const MAX_HELD = 10_000;
const heldSchema = z.object({ workspace_id: identifier, epoch: epochSchema });
const bodySchema = gatewaySchema.extend({ held: z.array(heldSchema).max(MAX_HELD) });

/**
 * `POST /api/exec-gateway/app-server-homes/renew`: an app-gateway is alive and has these workspaces. It learns which of them are
 * another one's by now.
 */
export function renewHomesRoute({ homes }: { homes: Pick<AppServerHomes, 'renew'> }): RequestHandler {
  return async (req, res) => {
    const body = parseInput(bodySchema, req.body);
    const lost = await homes.renew({
      gatewayName: body.gateway_name,
      gatewayUrl: body.gateway_url,
      leaseSeconds: body.lease_seconds,
      held: body.held.map(({ workspace_id: workspaceId, epoch }) => ({ workspaceId, epoch })),
    });
    res.json({ lost });
  };
}
