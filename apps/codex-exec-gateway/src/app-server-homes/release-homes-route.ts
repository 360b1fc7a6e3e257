import { identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { workspaceIdOf } from '../reading.ts';
import type { AppServerHomes } from './app-server-homes.ts';
import { epochSchema } from './homes-input.ts';

const releaseSchema = z.object({ gateway_name: identifier, epoch: z.coerce.number().pipe(epochSchema) });
const gatewaySchema = z.object({ gateway_name: identifier });

/** `DELETE /api/exec-gateway/app-server-homes/{workspace_id}?gateway_name=&epoch=`: its app-server has ended. */
export function releaseHomeRoute({ homes }: { homes: Pick<AppServerHomes, 'release'> }): RequestHandler {
  return async (req, res) => {
    const workspaceId = workspaceIdOf(req.params.workspace_id);
    const { gateway_name: gatewayName, epoch } = parseInput(releaseSchema, req.query);
    await homes.release({ workspaceId, gatewayName, epoch });
    res.status(204).end();
  };
}

/** `DELETE /api/exec-gateway/app-gateways/{gateway_name}`: an app-gateway ends, and has no workspace any more. */
export function deleteAppGatewayRoute({ homes }: { homes: Pick<AppServerHomes, 'forget'> }): RequestHandler {
  return async (req, res) => {
    const { gateway_name: gatewayName } = parseInput(gatewaySchema, req.params);
    await homes.forget(gatewayName);
    res.status(204).end();
  };
}
