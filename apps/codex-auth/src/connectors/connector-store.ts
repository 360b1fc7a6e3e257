import type { Queryable } from '@codex-gateways/database';

/** A connector that people can see. */
export interface Connector {
  readonly exeId: string;
  readonly workspaceId: string;
  /** Who added it, and whom it acts for. */
  readonly userId: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
}

/** Taken before counting and inserting, so that a limit per workspace holds under concurrency. */
export async function lockWorkspace(tx: Queryable, workspaceId: string): Promise<void> {
  await tx.query('select 1 from codex_auth.workspaces where id = $1 for no key update', [workspaceId]);
}

export async function countConnectors(db: Queryable, workspaceId: string): Promise<number> {
  const { rows } = await db.query<{ connectors: number }>(
    `select count(*)::integer as connectors
       from codex_auth.codex_connectors
      where workspace_id = $1
        and state in ('creating', 'active')`,
    [workspaceId],
  );
  return rows[0]?.connectors ?? 0;
}

/**
 * Reserves a name, and puts on record what has to be undone should this process die before the connector is active.
 * @returns false when the workspace has a connector of that name
 */
export async function reserveConnector(
  db: Queryable,
  connector: Omit<Connector, 'createdAt'>,
  { cleanupAfterSeconds }: { cleanupAfterSeconds: number },
): Promise<boolean> {
  const reserved = await db.query(
    `insert into codex_auth.codex_connectors (exe_id, workspace_id, user_id, name, description, state, cleanup_at)
     values ($1, $2, $3, $4, $5, 'creating', now() + make_interval(secs => $6))
         on conflict (workspace_id, lower(name)) where state in ('creating', 'active') do nothing`,
    [
      connector.exeId,
      connector.workspaceId,
      connector.userId,
      connector.name,
      connector.description,
      cleanupAfterSeconds,
    ],
  );
  return reserved.rowCount === 1;
}

/**
 * Takes the id that exec-gateway gave instead of the one that we proposed.
 * @returns false when another connector has that id
 */
export async function renameConnector(
  db: Queryable,
  { proposedExeId, exeId }: { proposedExeId: string; exeId: string },
): Promise<boolean> {
  const renamed = await db.query(
    `update codex_auth.codex_connectors
        set exe_id = $2
      where exe_id = $1
        and state = 'creating'
        and not exists (select 1 from codex_auth.codex_connectors where exe_id = $2)`,
    [proposedExeId, exeId],
  );
  return renamed.rowCount === 1;
}

/** @returns false when the reservation is no longer there: it took too long, or somebody removed it */
export async function activateConnector(db: Queryable, exeId: string): Promise<boolean> {
  const activated = await db.query(
    `update codex_auth.codex_connectors
        set state = 'active', cleanup_at = null
      where exe_id = $1
        and state = 'creating'`,
    [exeId],
  );
  return activated.rowCount === 1;
}

/** The active ones, the oldest first. */
export async function listConnectors(db: Queryable, workspaceId: string): Promise<Connector[]> {
  const { rows } = await db.query<ConnectorRow>(
    `select exe_id, workspace_id, user_id, name, description, created_at
       from codex_auth.codex_connectors
      where workspace_id = $1
        and state = 'active'
      order by created_at, exe_id`,
    [workspaceId],
  );
  return rows.map(toConnector);
}

/** In whatever state it is. */
export async function findConnector(db: Queryable, exeId: string): Promise<Connector | undefined> {
  const { rows } = await db.query<ConnectorRow>(
    `select exe_id, workspace_id, user_id, name, description, created_at
       from codex_auth.codex_connectors
      where exe_id = $1`,
    [exeId],
  );
  const [row] = rows;
  return row && toConnector(row);
}

/**
 * Takes a connector away from people and puts its removal on record.
 * @returns whether this call did it; false when another did before
 */
export async function beginRemoval(
  db: Queryable,
  { exeId, cleanupAfterSeconds }: { exeId: string; cleanupAfterSeconds: number },
): Promise<boolean> {
  const begun = await db.query(
    `update codex_auth.codex_connectors
        set state = 'removing', cleanup_at = now() + make_interval(secs => $2)
      where exe_id = $1
        and state in ('creating', 'active')`,
    [exeId, cleanupAfterSeconds],
  );
  return begun.rowCount === 1;
}

/** What exec-gateway is asked to undo. */
export type DueRemoval = Pick<Connector, 'exeId' | 'workspaceId' | 'userId'>;

/**
 * Takes on removals that are due, reservations of dead processes among them. Their next attempt moves into the future, later
 * each time up to ten minutes; no other replica takes them on before.
 */
export async function claimDueRemovals(db: Queryable, { limit }: { limit: number }): Promise<DueRemoval[]> {
  const { rows } = await db.query<{ exe_id: string; workspace_id: string; user_id: string }>(
    `update codex_auth.codex_connectors
        set state = 'removing',
            cleanup_attempts = cleanup_attempts + 1,
            cleanup_at = now() + make_interval(secs => least(600, 15 * 2 ^ least(cleanup_attempts, 10)))
      where exe_id in (
              select exe_id
                from codex_auth.codex_connectors
               where cleanup_at <= now()
               order by cleanup_at
               limit $1
                 for update skip locked)
  returning exe_id, workspace_id, user_id`,
    [limit],
  );
  return rows.map((row) => ({ exeId: row.exe_id, workspaceId: row.workspace_id, userId: row.user_id }));
}

/** Nothing is left of it at exec-gateway. */
export async function finishRemoval(db: Queryable, exeId: string): Promise<void> {
  await db.query(
    `update codex_auth.codex_connectors
        set state = 'removed', cleanup_at = null, removed_at = now()
      where exe_id = $1
        and state = 'removing'`,
    [exeId],
  );
}

/** Forgets connectors that were removed more than 90 days ago. @returns how many */
export async function deleteRemovedConnectors(db: Queryable, limit: number): Promise<number> {
  const deleted = await db.query(
    `delete from codex_auth.codex_connectors
      where exe_id in (
              select exe_id from codex_auth.codex_connectors where removed_at < now() - interval '90 days' limit $1)`,
    [limit],
  );
  return deleted.rowCount ?? 0;
}

interface ConnectorRow {
  exe_id: string;
  workspace_id: string;
  user_id: string;
  name: string;
  description: string;
  created_at: Date;
}

function toConnector(row: ConnectorRow): Connector {
  return {
    exeId: row.exe_id,
    workspaceId: row.workspace_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    createdAt: row.created_at,
  };
}
