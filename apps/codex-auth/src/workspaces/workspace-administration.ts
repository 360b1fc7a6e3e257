import { randomUUID } from 'node:crypto';
import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { MachineCredentials } from '../user-access/machine-credentials.ts';
import type { Workspace, WorkspaceRole } from './memberships.ts';
import { findRole } from './workspace-member-store.ts';
import {
  countMembers,
  countOwned,
  deleteMember,
  findActiveUserByEmail,
  insertMember,
  insertWorkspace,
  listMembers,
  listOwners,
  lockUser,
  lockWorkspace,
  type Member,
  renameWorkspace,
  updateMemberRole,
} from './workspace-store.ts';

export interface WorkspaceAdministrationDeps {
  readonly pool: Pool;
  readonly audit: AuditLog;
  readonly machineCredentials: Pick<MachineCredentials, 'endAll' | 'ended'>;
  readonly maxOwnedPerUser: number;
  readonly maxMembers: number;
}

/** Who asks. */
export interface Caller {
  readonly userId: string;
  readonly origin: RequestOrigin;
}

/** What owners do with workspaces. Each change is one transaction with the workspace locked, in which the caller still owns it. */
export class WorkspaceAdministration {
  readonly #deps: WorkspaceAdministrationDeps;

  constructor(deps: WorkspaceAdministrationDeps) {
    this.#deps = deps;
  }

  /** @throws {HttpError} 409 when the caller owns as many workspaces as a user may */
  async create(name: string, by: Caller): Promise<Workspace> {
    const { pool, maxOwnedPerUser } = this.#deps;
    const id = `ws_${randomUUID()}`;
    await transaction(pool, async (tx) => {
      await lockUser(tx, by.userId);
      if ((await countOwned(tx, by.userId)) >= maxOwnedPerUser) {
        throw new HttpError(409, 'limit_reached', `a user may own ${maxOwnedPerUser} workspaces`);
      }
      await insertWorkspace(tx, { workspaceId: id, name, ownerId: by.userId });
      await this.#record(tx, 'created', { workspaceId: id, by });
    });
    return { id, name, role: 'owner' };
  }

  /** @throws {HttpError} 404 for a stranger, 403 for a member who does not own it */
  rename(workspaceId: string, name: string, by: Caller): Promise<Workspace> {
    return this.#asOwner(workspaceId, by, async (tx) => {
      await renameWorkspace(tx, workspaceId, name);
      await this.#record(tx, 'renamed', { workspaceId, by });
      return { id: workspaceId, name, role: 'owner' };
    });
  }

  /** For its members. @throws {HttpError} 404 for a stranger */
  async members(workspaceId: string, by: Pick<Caller, 'userId'>): Promise<Member[]> {
    const { pool } = this.#deps;
    if (!(await findRole(pool, { userId: by.userId, workspaceId }))) throw noSuchWorkspace();
    return listMembers(pool, workspaceId);
  }

  /**
   * Lets another user of the installation in.
   * @throws {HttpError} 404 `no_such_user`; 409 when the user is a member already, or the workspace is full
   */
  addMember(workspaceId: string, { email, role }: { email: string; role: WorkspaceRole }, by: Caller): Promise<Member> {
    const { maxMembers } = this.#deps;
    return this.#asOwner(workspaceId, by, async (tx) => {
      const userId = await findActiveUserByEmail(tx, email);
      if (userId === undefined) throw new HttpError(404, 'no_such_user', 'there is no user with this address');
      if ((await countMembers(tx, workspaceId)) >= maxMembers) {
        throw new HttpError(409, 'limit_reached', `a workspace may have ${maxMembers} members`);
      }
      if (!(await insertMember(tx, { workspaceId, userId, role }))) {
        throw new HttpError(409, 'already_a_member', 'this user is a member already');
      }
      await this.#record(tx, 'member_added', { workspaceId, by, details: { user_id: userId, role } });
      const added = (await listMembers(tx, workspaceId)).find((member) => member.userId === userId);
      if (!added) throw new TypeError('a member is there after it was added');
      return added;
    });
  }

  /** @throws {HttpError} 404 for an unknown member; 409 `last_owner` */
  changeRole(
    workspaceId: string,
    { userId, role }: { userId: string; role: WorkspaceRole },
    by: Caller,
  ): Promise<void> {
    return this.#asOwner(workspaceId, by, async (tx) => {
      if (role === 'member') await refuseLastOwner(tx, { workspaceId, userId });
      if (!(await updateMemberRole(tx, { workspaceId, userId, role }))) throw noSuchMember();
      await this.#record(tx, 'member_role_changed', { workspaceId, by, details: { user_id: userId, role } });
    });
  }

  /**
   * Takes a member out, by an owner or by the member. What machines hold in the member's name there ends with it.
   * @throws {HttpError} 404 for an unknown member; 409 `last_owner`
   */
  async removeMember(workspaceId: string, userId: string, by: Caller): Promise<void> {
    const { machineCredentials } = this.#deps;
    const allowed = userId === by.userId ? ('member' as const) : ('owner' as const);
    await this.#as(allowed, workspaceId, by, async (tx) => {
      await refuseLastOwner(tx, { workspaceId, userId });
      if (!(await deleteMember(tx, { workspaceId, userId }))) throw noSuchMember();
      const ended = await machineCredentials.endAll({ userId, workspaceId, by }, tx);
      await this.#record(tx, 'member_removed', { workspaceId, by, details: { user_id: userId, ...ended } });
    });
    machineCredentials.ended();
  }

  #asOwner<Result>(workspaceId: string, by: Caller, work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    return this.#as('owner', workspaceId, by, work);
  }

  async #as<Result>(
    needed: WorkspaceRole,
    workspaceId: string,
    by: Caller,
    work: (tx: Queryable) => Promise<Result>,
  ): Promise<Result> {
    return transaction(this.#deps.pool, async (tx) => {
      await lockWorkspace(tx, workspaceId);
      const role = await findRole(tx, { userId: by.userId, workspaceId });
      if (!role) throw noSuchWorkspace();
      if (needed === 'owner' && role !== 'owner') throw new HttpError(403, 'forbidden', 'this is for owners');
      return work(tx);
    });
  }

  #record(
    tx: Queryable,
    what: 'created' | 'renamed' | 'member_added' | 'member_removed' | 'member_role_changed',
    { workspaceId, by, details = {} }: { workspaceId: string; by: Caller; details?: Record<string, string | number> },
  ): Promise<void> {
    const subject = { subjectType: 'workspace', subjectId: workspaceId, actorUserId: by.userId };
    return this.#deps.audit.record({ action: `workspace.${what}`, ...subject, ...by.origin, details }, tx);
  }
}

async function refuseLastOwner(
  tx: Queryable,
  { workspaceId, userId }: { workspaceId: string; userId: string },
): Promise<void> {
  const owners = await listOwners(tx, workspaceId);
  if (owners.includes(userId) && owners.length === 1) {
    throw new HttpError(409, 'last_owner', 'this is the last owner; make another one first');
  }
}

/** What a stranger to a workspace is told, whether or not it exists. */
function noSuchWorkspace(): HttpError {
  return new HttpError(404, 'not_found', 'there is no such workspace');
}

function noSuchMember(): HttpError {
  return new HttpError(404, 'not_found', 'there is no such member');
}
