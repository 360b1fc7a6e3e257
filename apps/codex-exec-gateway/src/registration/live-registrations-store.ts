import type { Queryable } from '@codex-gateways/database';
import type { NoisePublicKey } from '@codex-gateways/tokens';
import type { Generation } from './generation.ts';

/* Registrations as far as an executor is connected with them now: what `/connect`, `/bridge` and `/validate` ask. */

/** An executor as one workspace can reach it now. */
export interface ReachableExecutor {
  readonly isBound: boolean;
  readonly connection: LiveConnection | undefined;
}

export interface LiveConnection {
  readonly connectionId: string;
  /** The replica that holds it, and where others reach that one; undefined when it does not say so. */
  readonly replicaId: string;
  readonly internalUrl: string | undefined;
  readonly generation: Generation;
  readonly registrationId: string | undefined;
  readonly publicKey: NoisePublicKey | undefined;
}

interface ReachableExecutorRow {
  is_bound: boolean;
  connection_id: string | null;
  replica_id: string | null;
  internal_url: string | null;
  generation: Generation | null;
  executor_registration_id: string | null;
  key_suite: string | null;
  x25519_public_key: string | null;
  mlkem768_public_key: string | null;
}

/** Whether the workspace may reach the executor, and what a harness has to know of its live connection. */
export async function findReachableExecutor(
  db: Queryable,
  { exeId, workspaceId }: { exeId: string; workspaceId: string },
): Promise<ReachableExecutor> {
  const found = await db.query<ReachableExecutorRow>({
    name: 'find_reachable_executor',
    text: `select w.exe_id is not null as is_bound,
                  c.connection_id, c.replica_id, c.internal_url, c.generation, c.executor_registration_id,
                  r.key_suite, r.x25519_public_key, r.mlkem768_public_key
             from codex_exec.executors e
             left join codex_exec.workspace_executors w on w.exe_id = e.exe_id and w.workspace_id = $2
             left join codex_exec.live_connections c on c.exe_id = e.exe_id
             left join codex_exec.executor_registrations r on r.executor_registration_id = c.executor_registration_id
            where e.exe_id = $1`,
    values: [exeId, workspaceId],
  });
  const row = found.rows[0];
  return row ? { isBound: row.is_bound, connection: toLiveConnection(row) } : { isBound: false, connection: undefined };
}

function toLiveConnection(row: ReachableExecutorRow): LiveConnection | undefined {
  const { connection_id, replica_id, generation, key_suite, x25519_public_key, mlkem768_public_key } = row;
  if (!connection_id || !replica_id || !generation) return undefined;
  const publicKey =
    key_suite && x25519_public_key && mlkem768_public_key
      ? { suite: key_suite, x25519_public_key, mlkem768_public_key }
      : undefined;
  return {
    connectionId: connection_id,
    replicaId: replica_id,
    internalUrl: row.internal_url ?? undefined,
    generation,
    registrationId: row.executor_registration_id ?? undefined,
    publicKey,
  };
}

/** What `/validate` compares a harness key authorization with. Undefined when there is no such executor. */
export async function findRegisteredExecutor(
  db: Queryable,
  { exeId, workspaceId }: { exeId: string; workspaceId: string },
): Promise<{ ownerUserId: string; liveRegistrationId: string | undefined; isBound: boolean } | undefined> {
  const found = await db.query<{ owner_user_id: string; live_registration_id: string | null; is_bound: boolean }>({
    name: 'find_registered_executor',
    text: `select e.owner_user_id, c.executor_registration_id as live_registration_id, w.exe_id is not null as is_bound
             from codex_exec.executors e
             left join codex_exec.live_connections c on c.exe_id = e.exe_id
             left join codex_exec.workspace_executors w on w.exe_id = e.exe_id and w.workspace_id = $2
            where e.exe_id = $1`,
    values: [exeId, workspaceId],
  });
  const row = found.rows[0];
  if (!row) return undefined;
  return {
    ownerUserId: row.owner_user_id,
    liveRegistrationId: row.live_registration_id ?? undefined,
    isBound: row.is_bound,
  };
}
