import { constantTimeEqual } from '@codex-gateways/crypto';
import { bearerOf, HttpError } from '@codex-gateways/service';
import type { Request, RequestHandler } from 'express';
import { singleQueryParameter, workspaceIdOf } from '../reading.ts';
import type { TurnGuard } from '../revocation/turn-guard.ts';
import type { Bindings, BoundExecutor } from './bindings.ts';

/**
 * `GET /api/exec-gateway/connected`: the workspace's executors that are online at any replica. A gateway names the workspace
 * and shows the shared secret; a harness shows its capability token, which says the workspace. `include_offline=true` adds the
 * executors that are bound and not connected.
 * @param sharedSecret - empty only in development, where a workspace may be named without it
 */
export function connectedRoute({
  bindings,
  turnGuard,
  sharedSecret,
}: {
  bindings: Pick<Bindings, 'list'>;
  turnGuard: Pick<TurnGuard, 'capability'>;
  sharedSecret: string;
}): RequestHandler {
  return async (req, res) => {
    const workspaceId = isTrusted(req, sharedSecret)
      ? requiredWorkspaceId(req)
      : turnGuard.capability(bearerOf(req.headers.authorization)).workspace_id;
    const includeOffline = singleQueryParameter(req, 'include_offline') === 'true';
    const bound = await bindings.list(workspaceId);
    res.json(bound.filter(({ connection }) => connection || includeOffline).map(toWire));
  };
}

function toWire({ connection, exeId, name, description, isDefault }: BoundExecutor) {
  return {
    exe_id: exeId,
    name,
    description,
    is_default: isDefault,
    is_online: connection !== undefined,
    generation: connection?.generation ?? null,
    connected_at: connection?.connectedAt.toISOString() ?? null,
  };
}

function isTrusted(req: Request, sharedSecret: string): boolean {
  const bearer = bearerOf(req.headers.authorization);
  if (sharedSecret === '') return req.query.workspace_id !== undefined;
  return bearer !== undefined && constantTimeEqual(bearer, sharedSecret);
}

function requiredWorkspaceId(req: Request): string {
  const workspaceId = singleQueryParameter(req, 'workspace_id');
  if (workspaceId === undefined) throw new HttpError(400, 'invalid_request', 'workspace_id is missing');
  return workspaceIdOf(workspaceId);
}
