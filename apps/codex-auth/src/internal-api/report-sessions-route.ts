import { isIP } from 'node:net';
import { parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { RemoteSessions } from '../remote-sessions/remote-sessions.ts';

const MAX_SESSIONS = 200;
const MAX_AGE_MS = 10 * 365 * 86_400_000;

// Words of clients: what PostgreSQL or a terminal would choke on is left out rather than refused, since a whole report hangs on it.
const words = (maxLength: number) =>
  z
    .string()
    .transform((text) => text.slice(0, maxLength).replace(/[\p{Cc}\p{Cs}]/gu, ''))
    .nullable()
    .default(null);
const id = z.string().regex(/^[\w.:@-]{1,128}$/);
const age = z.number().min(0).max(MAX_AGE_MS);
const sessionSchema = z.object({
  id: z.uuid(),
  workspace_id: id,
  user_id: id,
  remote_token_id: id.nullable().default(null),
  client_name: words(100),
  client_version: words(100),
  ip: z
    .string()
    .transform((text) => (isIP(text) === 0 || text.includes('%') ? null : text))
    .nullable()
    .default(null),
  user_agent: words(256),
  opened_ms_ago: age,
  closed_ms_ago: age.nullable().default(null),
  close_code: z.int().min(1000).max(4999).nullable().default(null),
});
const bodySchema = z.object({ gateway_id: z.uuid(), sessions: z.array(sessionSchema).max(MAX_SESSIONS) });

/**
 * `POST /internal/codex-auth/remote-sessions`: a gateway reports that it is alive, and what is new of its connections: 204. A list
 * without sessions will do; a gateway that is silent for a minute is gone, and its sessions have ended.
 */
export function reportSessionsRoute({
  remoteSessions,
}: {
  remoteSessions: Pick<RemoteSessions, 'report'>;
}): RequestHandler {
  return async (req, res) => {
    const { gateway_id: gatewayId, sessions } = parseInput(bodySchema, req.body);
    // Of two that say something of one session, the later one counts; the statement takes each once.
    const latest = [...new Map(sessions.map((session) => [session.id, session])).values()];
    await remoteSessions.report({ gatewayId, sessions: latest });
    res.status(204).end();
  };
}
