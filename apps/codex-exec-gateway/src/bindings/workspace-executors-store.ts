import type { Queryable } from '@codex-gateways/database';
import type { Generation } from '../registration/generation.ts';

/** A binding as a workspace sees it. */
export interface BoundExecutor {
  readonly exeId: string;
  readonly name: string;
  readonly description: string;
  readonly isDefault: boolean;
  readonly displayName: string;
  readonly codexVersion: string | undefined;
  readonly os: string | undefined;
  readonly createdAt: Date;
  readonly lastSeenAt: Date | undefined;
  /** The live connection; undefined while the executor is offline. */
  readonly connection: { readonly generation: Generation; readonly connectedAt: Date } | undefined;
  /** Since when two processes have been taking its place from each other; undefined when none do. */
  readonly duelSince: Date | undefined;
}

/** What a binding is set to; what is undefined keeps its value, or takes the executor's own at the first time. */
export interface BindingChange {
  readonly workspaceId: string;
  readonly exeId: string;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly isDefault: boolean | undefined;
}

export type BindOutcome =
  | {
      readonly kind: 'created' | 'updated';
      readonly binding: Pick<BoundExecutor, 'name' | 'description' | 'isDefault'>;
    }
  | { readonly kind: 'unknown_executor' };

/**
 * Binds an executor, or changes its binding; a new default takes the place of the old one. Runs inside a transaction: the
 * advisory lock makes bindings of one workspace queue, so that two new defaults cannot cross.
 */
export async function bindExecutor(
  transaction: Queryable,
  change: BindingChange,
  actor: { userId: string | undefined; requestId: string },
): Promise<BindOutcome> {
  const { workspaceId, exeId, name, description, isDefault } = change;
  const known = await transaction.query(
    `select pg_advisory_xact_lock(hashtextextended('codex_exec.workspace ' || $2, 0))
       from codex_exec.executors
      where exe_id = $1
        for key share`,
    [exeId, workspaceId],
  );
  if (known.rowCount === 0) return { kind: 'unknown_executor' };
  if (isDefault) await releaseDefault(transaction, change);
  const bound = await transaction.query<{ is_new: boolean; name: string; description: string; is_default: boolean }>(
    `with bound as (
       insert into codex_exec.workspace_executors as w (workspace_id, exe_id, name, description, is_default)
       select $1, exe_id, coalesce($3, display_name), coalesce($4, ''), coalesce($5, false)
         from codex_exec.executors
        where exe_id = $2
       on conflict on constraint workspace_executors_pkey do update
          set name = coalesce($3, w.name),
              description = coalesce($4, w.description),
              is_default = coalesce($5, w.is_default),
              updated_at = now()
       returning workspace_id, exe_id, name, description, is_default, xmax = 0 as is_new
     ), audited as (
       insert into codex_exec.audit_events (action, actor_user_id, exe_id, workspace_id, request_id, details)
       select case when is_new then 'binding.created' else 'binding.updated' end, $6, exe_id, workspace_id, $7,
              jsonb_build_object('name', name, 'is_default', is_default)
         from bound
     )
     select is_new, name, description, is_default
       from bound`,
    [workspaceId, exeId, name, description, isDefault, actor.userId, actor.requestId],
  );
  const row = bound.rows[0];
  if (!row) return { kind: 'unknown_executor' };
  const binding = { name: row.name, description: row.description, isDefault: row.is_default };
  return { kind: row.is_new ? 'created' : 'updated', binding };
}

// The partial unique index is checked row by row, so the old default has to go in a statement of its own.
async function releaseDefault(transaction: Queryable, { workspaceId, exeId }: BindingChange): Promise<void> {
  await transaction.query(
    `update codex_exec.workspace_executors
        set is_default = false, updated_at = now()
      where workspace_id = $1
        and exe_id <> $2
        and is_default`,
    [workspaceId, exeId],
  );
}

/** Ends a binding and tells every replica, which close its bridges. False when there was none. */
export async function unbindExecutor(
  db: Queryable,
  { workspaceId, exeId }: { workspaceId: string; exeId: string },
  actor: { userId: string | undefined; requestId: string },
): Promise<boolean> {
  const unbound = await db.query(
    `with gone as (
       delete from codex_exec.workspace_executors
        where workspace_id = $1
          and exe_id = $2
       returning workspace_id, exe_id
     ), audited as (
       insert into codex_exec.audit_events (action, actor_user_id, exe_id, workspace_id, request_id)
       select 'binding.deleted', $3, exe_id, workspace_id, $4
         from gone
     )
     select pg_notify('codex_exec_events',
              json_build_object('kind', 'executor_unbound', 'workspace_id', workspace_id, 'exe_id', exe_id)::text)
       from gone`,
    [workspaceId, exeId, actor.userId, actor.requestId],
  );
  return (unbound.rowCount ?? 0) > 0;
}

interface BoundExecutorRow {
  exe_id: string;
  name: string;
  description: string;
  is_default: boolean;
  display_name: string;
  codex_version: string | null;
  os: string | null;
  created_at: Date;
  last_seen_at: Date | null;
  generation: Generation | null;
  connected_at: Date | null;
  duel_since: Date | null;
}

/** Every executor of a workspace, the default first. An executor that is online was seen now. */
export async function listBoundExecutors(db: Queryable, workspaceId: string): Promise<BoundExecutor[]> {
  const bound = await db.query<BoundExecutorRow>({
    name: 'list_bound_executors',
    text: `select w.exe_id, w.name, w.description, w.is_default, e.display_name, e.codex_version, e.os, w.created_at,
                  case when c.exe_id is null then e.last_seen_at else now() end as last_seen_at,
                  c.generation, c.connected_at, case when e.duel_until > now() then e.duel_since end as duel_since
             from codex_exec.workspace_executors w
             join codex_exec.executors e on e.exe_id = w.exe_id
             left join codex_exec.live_connections c on c.exe_id = w.exe_id
            where w.workspace_id = $1
            order by w.is_default desc, w.name, w.exe_id`,
    values: [workspaceId],
  });
  return bound.rows.map(toBoundExecutor);
}

function toBoundExecutor(row: BoundExecutorRow): BoundExecutor {
  const { generation, connected_at: connectedAt } = row;
  return {
    exeId: row.exe_id,
    name: row.name,
    description: row.description,
    isDefault: row.is_default,
    displayName: row.display_name,
    codexVersion: row.codex_version ?? undefined,
    os: row.os ?? undefined,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at ?? undefined,
    connection: generation && connectedAt ? { generation, connectedAt } : undefined,
    duelSince: row.duel_since ?? undefined,
  };
}

/** Which of these bindings no longer exist. */
export async function findMissingBindings(
  db: Queryable,
  bindings: readonly { workspaceId: string; exeId: string }[],
): Promise<{ workspaceId: string; exeId: string }[]> {
  const missing = await db.query<{ workspace_id: string; exe_id: string }>(
    `select live.workspace_id, live.exe_id
       from unnest($1::text[], $2::text[]) as live (workspace_id, exe_id)
      where not exists (
              select 1
                from codex_exec.workspace_executors w
               where w.workspace_id = live.workspace_id
                 and w.exe_id = live.exe_id)`,
    [bindings.map(({ workspaceId }) => workspaceId), bindings.map(({ exeId }) => exeId)],
  );
  return missing.rows.map((row) => ({ workspaceId: row.workspace_id, exeId: row.exe_id }));
}
