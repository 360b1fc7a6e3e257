import { identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import type { ConnectorStatus, Connectors } from './connectors.ts';

const querySchema = z.object({ workspace_id: identifier });

/** `GET /api/codex/connectors?workspace_id=`: the connectors of a workspace, with who is online. */
export function listConnectorsRoute({ connectors }: { connectors: Pick<Connectors, 'list'> }): RequestHandler {
  return async (req, res) => {
    const { workspace_id: workspaceId } = parseInput(querySchema, req.query);
    const list = await connectors.list({ userId: currentUser(res).userId, workspaceId });
    res.set('Cache-Control', 'no-store').json(list.map(toWire));
  };
}

function toWire({ connector, executor, identityExpiresAt }: ConnectorStatus) {
  return {
    exe_id: connector.exeId,
    workspace_id: connector.workspaceId,
    user_id: connector.userId,
    name: executor?.name ?? connector.name,
    description: connector.description,
    is_default: executor?.isDefault ?? false,
    is_online: executor?.isOnline ?? false,
    last_seen_at: executor?.lastSeenAt ?? null,
    codex_version: executor?.codexVersion ?? null,
    duel: executor?.duelSince === undefined ? null : { since: executor.duelSince },
    created_at: connector.createdAt.toISOString(),
    identity_expires_at: identityExpiresAt?.toISOString() ?? null,
  };
}
