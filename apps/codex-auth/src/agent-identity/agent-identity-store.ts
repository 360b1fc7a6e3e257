import type { Queryable } from '@codex-gateways/database';
import type { AgentIdentity } from './agent-identities.ts';

interface IdentityRow {
  agent_runtime_id: string;
  user_id: string;
  workspace_id: string;
  jwt_signed_with: string;
  issued_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
}

export async function insertAgentIdentity(
  db: Queryable,
  identity: Omit<AgentIdentity, 'revokedAt'> & { readonly publicKey: Buffer },
): Promise<void> {
  await db.query(
    `insert into codex_auth.codex_agent_identities
            (agent_runtime_id, user_id, workspace_id, public_key, jwt_signed_with, issued_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      identity.agentRuntimeId,
      identity.userId,
      identity.workspaceId,
      identity.publicKey,
      identity.jwtSignedWith,
      identity.issuedAt,
      identity.expiresAt,
    ],
  );
}

/** @returns whether this call revoked it; false when it was revoked before, or is not there */
export async function revokeAgentIdentity(
  db: Queryable,
  { agentRuntimeId, now }: { agentRuntimeId: string; now: Date },
): Promise<boolean> {
  const revoked = await db.query(
    `update codex_auth.codex_agent_identities
        set revoked_at = $2
      where agent_runtime_id = $1
        and revoked_at is null`,
    [agentRuntimeId, now],
  );
  return revoked.rowCount === 1;
}

/**
 * Revokes the identities of a user, in one workspace or in all of them.
 * @returns their ids
 */
export async function revokeAgentIdentitiesOf(
  db: Queryable,
  { userId, workspaceId, now }: { userId: string; workspaceId: string | undefined; now: Date },
): Promise<string[]> {
  const { rows } = await db.query<{ agent_runtime_id: string }>(
    `update codex_auth.codex_agent_identities
        set revoked_at = $3
      where user_id = $1
        and ($2::text is null or workspace_id = $2)
        and revoked_at is null
        and expires_at > $3
  returning agent_runtime_id`,
    [userId, workspaceId ?? null, now],
  );
  return rows.map((row) => row.agent_runtime_id);
}

/** The identities of a workspace, revoked and expired ones among them, the newest first. */
export async function listAgentIdentities(db: Queryable, workspaceId: string): Promise<AgentIdentity[]> {
  const { rows } = await db.query<IdentityRow>(
    `select agent_runtime_id, user_id, workspace_id, jwt_signed_with, issued_at, expires_at, revoked_at
       from codex_auth.codex_agent_identities
      where workspace_id = $1
      order by issued_at desc, agent_runtime_id`,
    [workspaceId],
  );
  return rows.map((row) => ({
    agentRuntimeId: row.agent_runtime_id,
    userId: row.user_id,
    workspaceId: row.workspace_id,
    jwtSignedWith: row.jwt_signed_with,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
  }));
}

/** Why an identity that exists may not be used now. */
export type IdentityRefusal = 'identity_revoked' | 'identity_expired' | 'user_disabled' | 'not_a_member';

export interface RegistrationSubject {
  readonly publicKey: Buffer;
  readonly userId: string;
  readonly refusal: IdentityRefusal | undefined;
}

/** What a task registration is checked against; one round trip over primary keys. */
export async function findRegistrationSubject(
  db: Queryable,
  { agentRuntimeId, now }: { agentRuntimeId: string; now: Date },
): Promise<RegistrationSubject | undefined> {
  const { rows } = await db.query<{ public_key: Buffer; user_id: string; refusal: IdentityRefusal | null }>({
    name: 'find-agent-registration-subject',
    text: `select i.public_key, i.user_id,
                  case when i.revoked_at is not null then 'identity_revoked'
                       when i.expires_at <= $2 then 'identity_expired'
                       when u.disabled_at is not null then 'user_disabled'
                       when m.user_id is null then 'not_a_member'
                  end as refusal
             from codex_auth.codex_agent_identities i
             join codex_auth.users u on u.id = i.user_id
             left join codex_auth.workspace_members m on m.workspace_id = i.workspace_id and m.user_id = i.user_id
            where i.agent_runtime_id = $1`,
    values: [agentRuntimeId, now],
  });
  const [row] = rows;
  return row && { publicKey: row.public_key, userId: row.user_id, refusal: row.refusal ?? undefined };
}

/** Deletes identities, with their tasks, that nothing has been able to use since `deadSince`. @returns how many */
export async function deleteDeadAgentIdentities(
  db: Queryable,
  { deadSince, limit }: { deadSince: Date; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_auth.codex_agent_identities
      where agent_runtime_id in (
              select agent_runtime_id
                from codex_auth.codex_agent_identities
               where least(expires_at, revoked_at) < $1
               limit $2)`,
    [deadSince, limit],
  );
  return deleted.rowCount ?? 0;
}
