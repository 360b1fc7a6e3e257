import { identifier, parseInput, queryFlag } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import type { RemoteSession, RemoteSessions } from './remote-sessions.ts';

const querySchema = z.object({
  workspace_id: identifier.optional(),
  include_ended: queryFlag,
});

/** `GET /api/codex/sessions?workspace_id=&include_ended=`: who is connected with `codex --remote`, as far as the caller may know. */
export function remoteSessionRoutes({
  remoteSessions,
  withUser,
}: {
  remoteSessions: Pick<RemoteSessions, 'list'>;
  withUser: RequestHandler;
}): Router {
  return Router().get('/api/codex/sessions', withUser, async (req, res) => {
    const query = parseInput(querySchema, req.query);
    const filter = { workspaceId: query.workspace_id, includeEnded: query.include_ended };
    const sessions = await remoteSessions.list(currentUser(res), filter);
    res.set('Cache-Control', 'no-store').json(sessions.map(toWire));
  });
}

function toWire(session: RemoteSession) {
  return {
    id: session.id,
    workspace_id: session.workspaceId,
    user_id: session.userId,
    email: session.email,
    remote_token_id: session.remoteTokenId ?? null,
    client_name: session.clientName ?? null,
    client_version: session.clientVersion ?? null,
    ip: session.ip ?? null,
    user_agent: session.userAgent ?? null,
    opened_at: session.openedAt.toISOString(),
    ended_at: session.endedAt?.toISOString() ?? null,
    close_code: session.closeCode ?? null,
  };
}
