import { identifier, parseInput, queryFlag } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import type { RemoteToken, RemoteTokens } from './remote-tokens.ts';

const querySchema = z.object({
  workspace_id: identifier.optional(),
  include_revoked: queryFlag,
});

/** `GET /api/codex/tokens?workspace_id=&include_revoked=`: the tokens that the caller may manage. */
export function listTokensRoute({ remoteTokens }: { remoteTokens: Pick<RemoteTokens, 'list'> }): RequestHandler {
  return async (req, res) => {
    const query = parseInput(querySchema, req.query);
    const tokens = await remoteTokens.list({
      userId: currentUser(res).userId,
      workspaceId: query.workspace_id,
      includeRevoked: query.include_revoked,
    });
    res.set('Cache-Control', 'no-store').json(tokens.map(toWire));
  };
}

function toWire(token: RemoteToken) {
  return {
    id: token.id,
    name: token.name,
    workspace_id: token.workspaceId,
    user_id: token.userId,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    revoked_at: token.revokedAt?.toISOString() ?? null,
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
  };
}
