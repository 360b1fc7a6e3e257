import type { RequestHandler } from 'express';
import { workspaceIdOf } from '../reading.ts';
import type { Bindings, BoundExecutor } from './bindings.ts';

/** `GET …/workspaces/{wid}/executors`: every bound executor, with `is_online` from live connections. */
export function listBindingsRoute({ bindings }: { bindings: Pick<Bindings, 'list'> }): RequestHandler {
  return async (req, res) => {
    const bound = await bindings.list(workspaceIdOf(req.params.wid));
    res.json(bound.map(toWire));
  };
}

function toWire(executor: BoundExecutor) {
  return {
    exe_id: executor.exeId,
    name: executor.name,
    description: executor.description,
    is_default: executor.isDefault,
    display_name: executor.displayName,
    is_online: executor.connection !== undefined,
    generation: executor.connection?.generation ?? null,
    connected_at: executor.connection?.connectedAt.toISOString() ?? null,
    duel: executor.duelSince ? { since: executor.duelSince.toISOString() } : null,
    last_seen_at: executor.lastSeenAt?.toISOString() ?? null,
    codex_version: executor.codexVersion ?? null,
    os: executor.os ?? null,
    created_at: executor.createdAt.toISOString(),
  };
}
