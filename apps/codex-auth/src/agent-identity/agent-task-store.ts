import type { Queryable } from '@codex-gateways/database';
import type { IdentityRefusal } from './agent-identity-store.ts';

export interface NewAgentTask {
  readonly taskId: string;
  readonly agentRuntimeId: string;
  readonly userId: string;
  /** What the agent signed, as text. */
  readonly signedTimestamp: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/**
 * Adds a task, or finds the one that the same signed timestamp made before, so that a request whose answer was lost may be
 * sent again. Of the agent's earlier tasks only the `keep` used last survive.
 * @returns the task's id
 */
export async function insertAgentTask(db: Queryable, task: NewAgentTask, keep: number): Promise<string> {
  const { rows } = await db.query<{ task_id: string }>({
    name: 'insert-agent-task',
    text: `with superseded as (
             delete from codex_auth.codex_agent_tasks
              where task_id in (
                      select task_id
                        from codex_auth.codex_agent_tasks
                       where agent_runtime_id = $2
                         and signed_timestamp <> $4
                       order by last_used_at desc
                      offset $7)
           )
           insert into codex_auth.codex_agent_tasks
                  (task_id, agent_runtime_id, user_id, signed_timestamp, issued_at, last_used_at, expires_at)
           values ($1, $2, $3, $4, $5, $5, $6)
               on conflict on constraint codex_agent_tasks_signature_uq
               do update set last_used_at = excluded.last_used_at, expires_at = excluded.expires_at
        returning task_id`,
    values: [task.taskId, task.agentRuntimeId, task.userId, task.signedTimestamp, task.issuedAt, task.expiresAt, keep],
  });
  const [row] = rows;
  if (!row) throw new Error('an upsert gave back no row');
  return row.task_id;
}

/** Why an assertion over a task that exists is refused now. */
export type TaskRefusal = IdentityRefusal | 'task_expired';

export interface AssertionSubject {
  readonly publicKey: Buffer;
  readonly userId: string;
  readonly workspaceId: string;
  readonly lastUsedAt: Date;
  readonly refusal: TaskRefusal | undefined;
}

interface SubjectRow {
  public_key: Buffer;
  user_id: string;
  workspace_id: string;
  last_used_at: Date;
  refusal: TaskRefusal | null;
}

/** What an assertion is checked against: the task, its identity and its user in one round trip over primary keys. */
export async function findAssertionSubject(
  db: Queryable,
  { taskId, agentRuntimeId, now }: { taskId: string; agentRuntimeId: string; now: Date },
): Promise<AssertionSubject | undefined> {
  const { rows } = await db.query<SubjectRow>({
    name: 'find-agent-assertion-subject',
    text: `select i.public_key, i.user_id, i.workspace_id, t.last_used_at,
                  case when i.revoked_at is not null then 'identity_revoked'
                       when i.expires_at <= $3 then 'identity_expired'
                       when t.expires_at <= $3 then 'task_expired'
                       when u.disabled_at is not null then 'user_disabled'
                       when m.user_id is null then 'not_a_member'
                  end as refusal
             from codex_auth.codex_agent_tasks t
             join codex_auth.codex_agent_identities i on i.agent_runtime_id = t.agent_runtime_id
             join codex_auth.users u on u.id = i.user_id
             left join codex_auth.workspace_members m on m.workspace_id = i.workspace_id and m.user_id = i.user_id
            where t.task_id = $1
              and t.agent_runtime_id = $2`,
    values: [taskId, agentRuntimeId, now],
  });
  const [row] = rows;
  return (
    row && {
      publicKey: row.public_key,
      userId: row.user_id,
      workspaceId: row.workspace_id,
      lastUsedAt: row.last_used_at,
      refusal: row.refusal ?? undefined,
    }
  );
}

/** Notes a use, which moves the end of the task; never to an earlier time. */
export async function touchAgentTask(
  db: Queryable,
  { taskId, now, expiresAt }: { taskId: string; now: Date; expiresAt: Date },
): Promise<void> {
  await db.query(
    `update codex_auth.codex_agent_tasks
        set last_used_at = $2, expires_at = greatest(expires_at, $3)
      where task_id = $1
        and last_used_at < $2`,
    [taskId, now, expiresAt],
  );
}

/** Deletes tasks that have expired. @returns how many */
export async function deleteExpiredAgentTasks(
  db: Queryable,
  { now, limit }: { now: Date; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_auth.codex_agent_tasks
      where task_id in (select task_id from codex_auth.codex_agent_tasks where expires_at < $1 limit $2)`,
    [now, limit],
  );
  return deleted.rowCount ?? 0;
}
