import { type Pool, transaction } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Caller } from './workspace-administration.ts';
import {
  listAllWorkspaces,
  lockActiveUser,
  lockAdministrator,
  makeOwner,
  type OverseenWorkspace,
} from './workspace-oversight-store.ts';
import { lockWorkspace } from './workspace-store.ts';

/** What administrators do with the workspaces of others: see which have nobody left who owns them, and name an owner. */
export class WorkspaceOversight {
  readonly #deps: { readonly pool: Pool; readonly audit: AuditLog };

  constructor(deps: { readonly pool: Pool; readonly audit: AuditLog }) {
    this.#deps = deps;
  }

  /** In the order of their ids. @returns the id to go on behind, when there are more */
  async list({ limit, ...range }: { withoutOwner: boolean; afterId: string | undefined; limit: number }): Promise<{
    workspaces: OverseenWorkspace[];
    nextAfterId: string | undefined;
  }> {
    const rows = await listAllWorkspaces(this.#deps.pool, { ...range, limit: limit + 1 });
    const workspaces = rows.slice(0, limit);
    return { workspaces, nextAfterId: rows.length > limit ? workspaces.at(-1)?.id : undefined };
  }

  /**
   * Makes a user an owner of a workspace, whether or not the user was a member, also of one that is full.
   * @throws {HttpError} 403 when the caller has ceased to be an administrator; 404 for an unknown workspace, and for a user who is
   *   unknown or disabled
   */
  makeOwner(workspaceId: string, userId: string, by: Caller): Promise<void> {
    return transaction(this.#deps.pool, async (tx) => {
      if (!(await lockWorkspace(tx, workspaceId))) throw new HttpError(404, 'not_found', 'there is no such workspace');
      if (!(await lockAdministrator(tx, by.userId)))
        throw new HttpError(403, 'forbidden', 'this is for administrators');
      if (!(await lockActiveUser(tx, userId))) throw new HttpError(404, 'no_such_user', 'there is no such user');
      if (!(await makeOwner(tx, { workspaceId, userId }))) return;
      const subject = { subjectType: 'workspace', subjectId: workspaceId, actorUserId: by.userId };
      const details = { user_id: userId };
      await this.#deps.audit.record({ action: 'workspace.owner_named', ...subject, ...by.origin, details }, tx);
    });
  }
}
