import { parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { workspaceIdOf } from '../reading.ts';
import type { AppServerHomes } from './app-server-homes.ts';
import { gatewaySchema } from './homes-input.ts';

const bodySchema = gatewaySchema.extend({ take_over: z.boolean().default(false) });

/**
 * `POST /api/exec-gateway/app-server-homes/{workspace_id}/acquire`: an app-gateway is about to start the workspace's app-server, and
 * learns whether it may, or which gateway has it.
 */
export function acquireHomeRoute({ homes }: { homes: Pick<AppServerHomes, 'acquire'> }): RequestHandler {
  return async (req, res) => {
    const workspaceId = workspaceIdOf(req.params.workspace_id);
    const body = parseInput(bodySchema, req.body);
    const home = await homes.acquire({
      workspaceId,
      gatewayName: body.gateway_name,
      gatewayUrl: body.gateway_url,
      leaseSeconds: body.lease_seconds,
      takeOver: body.take_over,
    });
    res.json({
      home_name: home.gatewayName,
      home_url: home.gatewayUrl,
      is_mine: home.isMine,
      epoch: home.epoch,
    });
  };
}
