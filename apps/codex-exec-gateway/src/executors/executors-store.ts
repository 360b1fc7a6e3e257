import type { Queryable } from '@codex-gateways/database';

/** Who asked for a change, for the audit trail. */
export interface Actor {
  readonly userId: string | undefined;
  readonly requestId: string;
}

/** Makes an executor; one that the same owner has made before is left as it is. False when the id is another's. */
export async function insertExecutor(
  db: Queryable,
  { exeId, ownerUserId, displayName, requestId }: Record<'exeId' | 'ownerUserId' | 'displayName' | 'requestId', string>,
): Promise<boolean> {
  const made = await db.query<{ is_new: boolean }>(
    `with created as (
       insert into codex_exec.executors as e (exe_id, owner_user_id, display_name)
       values ($1, $2, $3)
       on conflict on constraint executors_pkey do update
          set display_name = e.display_name
        where e.owner_user_id = excluded.owner_user_id
       returning exe_id, owner_user_id, display_name, xmax = 0 as is_new
     ), audited as (
       insert into codex_exec.audit_events (action, actor_user_id, exe_id, request_id, details)
       select 'executor.created', owner_user_id, exe_id, $4, jsonb_build_object('display_name', display_name)
         from created
        where is_new
     )
     select is_new
       from created`,
    [exeId, ownerUserId, displayName, requestId],
  );
  return made.rowCount === 1;
}

/** Deletes an executor with its bindings and registrations, and tells every replica. False when there was none. */
export async function deleteExecutor(db: Queryable, exeId: string, actor: Actor): Promise<boolean> {
  const deleted = await db.query(
    `with gone as (
       delete from codex_exec.executors
        where exe_id = $1
       returning exe_id, owner_user_id
     ), audited as (
       insert into codex_exec.audit_events (action, actor_user_id, exe_id, request_id, details)
       select 'executor.deleted', $2, exe_id, $3, jsonb_build_object('owner_user_id', owner_user_id)
         from gone
     )
     select pg_notify('codex_exec_events', json_build_object('kind', 'executor_deleted', 'exe_id', exe_id)::text)
       from gone`,
    [exeId, actor.userId, actor.requestId],
  );
  return (deleted.rowCount ?? 0) > 0;
}

/** One executor, or all of one owner. */
export type ExecutorSelection = { readonly exeId: string } | { readonly ownerUserId: string };

/**
 * Declares every ticket void that has been minted so far and tells every replica, which close the connections.
 * @param ticketsVoidThrough - epoch seconds; at least the expiry of any ticket that exists now, whoever minted it
 * @returns the executors that there are
 */
export async function disconnectExecutors(
  db: Queryable,
  selection: ExecutorSelection,
  { ticketsVoidThrough, actor }: { ticketsVoidThrough: number; actor: Actor },
): Promise<string[]> {
  const disconnected = await db.query<{ exe_id: string }>(
    `with disconnected as (
       update codex_exec.executors
          set last_ticket_expires_at = greatest(last_ticket_expires_at, $3),
              tickets_void_through = greatest(last_ticket_expires_at, $3)
        where exe_id = $1
           or owner_user_id = $2
       returning exe_id
     ), audited as (
       insert into codex_exec.audit_events (action, actor_user_id, exe_id, request_id)
       select 'executor.disconnected', $4, exe_id, $5
         from disconnected
     )
     select exe_id,
            pg_notify('codex_exec_events', json_build_object('kind', 'executor_disconnected', 'exe_id', exe_id)::text)
       from disconnected`,
    [
      'exeId' in selection ? selection.exeId : undefined,
      'ownerUserId' in selection ? selection.ownerUserId : undefined,
      ticketsVoidThrough,
      actor.userId,
      actor.requestId,
    ],
  );
  return disconnected.rows.map((row) => row.exe_id);
}
