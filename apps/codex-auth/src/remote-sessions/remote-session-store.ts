import type { Queryable } from '@codex-gateways/database';
import type { RemoteSession, ReportedSession } from './remote-sessions.ts';

/** In one statement: the gateway is alive, and these sessions are as they are said to be. Whose user or workspace is unknown is passed over. */
export async function upsertRemoteSessions(
  db: Queryable,
  { gatewayId, sessions }: { gatewayId: string; sessions: readonly ReportedSession[] },
): Promise<void> {
  await db.query({
    name: 'upsert-remote-sessions',
    text: `with gateway as (
             insert into codex_auth.remote_session_gateways (id)
             values ($1)
             on conflict (id) do update set seen_at = now()
           )
           insert into codex_auth.remote_sessions
                  (id, gateway_id, workspace_id, user_id, remote_token_id, client_name, client_version, ip, user_agent,
                   opened_at, closed_at, close_code)
           select r.id, $1, w.id, u.id, r.remote_token_id, r.client_name, r.client_version, r.ip, r.user_agent,
                  now() - make_interval(secs => r.opened_ms_ago / 1000), now() - make_interval(secs => r.closed_ms_ago / 1000),
                  r.close_code
             from jsonb_to_recordset($2::jsonb) as r (
                    id uuid, workspace_id text, user_id text, remote_token_id text, client_name text, client_version text,
                    ip inet, user_agent text, opened_ms_ago double precision, closed_ms_ago double precision, close_code integer)
             join codex_auth.users u on u.id = r.user_id
             join codex_auth.workspaces w on w.id = r.workspace_id
           on conflict (id) do update
              set client_name = excluded.client_name,
                  client_version = excluded.client_version,
                  closed_at = excluded.closed_at,
                  close_code = excluded.close_code
            where remote_sessions.gateway_id = excluded.gateway_id`,
    values: [gatewayId, JSON.stringify(sessions)],
  });
}

interface SessionRow {
  id: string;
  workspace_id: string;
  user_id: string;
  email: string;
  remote_token_id: string | null;
  client_name: string | null;
  client_version: string | null;
  ip: string | null;
  user_agent: string | null;
  opened_at: Date;
  ended_at: Date | null;
  close_code: number | null;
}

/** Which sessions to list. */
export interface RemoteSessionFilter {
  /** Undefined for all. */
  readonly workspaceId: string | undefined;
  /** Only this user's; undefined for everybody's. */
  readonly userId: string | undefined;
  readonly includeEnded: boolean;
  /** A gateway that was not seen for so long is gone, and its sessions with it. */
  readonly leaseSeconds: number;
  readonly limit: number;
}

/** The newest first. */
export async function listRemoteSessions(db: Queryable, filter: RemoteSessionFilter): Promise<RemoteSession[]> {
  const { rows } = await db.query<SessionRow>(
    `select s.id, s.workspace_id, s.user_id, u.email, s.remote_token_id, s.client_name, s.client_version, host(s.ip) as ip,
            s.user_agent, s.opened_at, s.close_code,
            coalesce(s.closed_at, case when g.seen_at <= now() - make_interval(secs => $4) then g.seen_at end) as ended_at
       from codex_auth.remote_sessions s
       join codex_auth.remote_session_gateways g on g.id = s.gateway_id
       join codex_auth.users u on u.id = s.user_id
      where ($1::text is null or s.workspace_id = $1)
        and ($2::text is null or s.user_id = $2)
        and ($3 or (s.closed_at is null and g.seen_at > now() - make_interval(secs => $4)))
      order by s.opened_at desc, s.id
      limit $5`,
    [filter.workspaceId ?? null, filter.userId ?? null, filter.includeEnded, filter.leaseSeconds, filter.limit],
  );
  return rows.map((row) => ({
    id: row.id,
    workspaceId: row.workspace_id,
    userId: row.user_id,
    email: row.email,
    remoteTokenId: row.remote_token_id ?? undefined,
    clientName: row.client_name ?? undefined,
    clientVersion: row.client_version ?? undefined,
    ip: row.ip ?? undefined,
    userAgent: row.user_agent ?? undefined,
    openedAt: row.opened_at,
    endedAt: row.ended_at ?? undefined,
    closeCode: row.close_code ?? undefined,
  }));
}

/** Deletes sessions that ended so long ago, and gateways that none is left of. @returns how many */
export async function deleteOldRemoteSessions(
  db: Queryable,
  { retentionSeconds, limit }: { retentionSeconds: number; limit: number },
): Promise<number> {
  const sessions = await db.query(
    `delete from codex_auth.remote_sessions
      where id in (
              select s.id
                from codex_auth.remote_sessions s
                join codex_auth.remote_session_gateways g on g.id = s.gateway_id
               where least(s.closed_at, g.seen_at) < now() - make_interval(secs => $1)
               limit $2)`,
    [retentionSeconds, limit],
  );
  const gateways = await db.query(
    `delete from codex_auth.remote_session_gateways
      where id in (
              select g.id
                from codex_auth.remote_session_gateways g
               where g.seen_at < now() - make_interval(secs => $1)
                 and not exists (select 1 from codex_auth.remote_sessions s where s.gateway_id = g.id)
               limit $2)`,
    [retentionSeconds, limit],
  );
  return (sessions.rowCount ?? 0) + (gateways.rowCount ?? 0);
}
