import type { Queryable } from '@codex-gateways/database';
import { findAccountWorkspace, findRole, listWorkspacesOf } from './workspace-member-store.ts';

export type WorkspaceRole = 'owner' | 'member';

/** A workspace as one of its members sees it. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly role: WorkspaceRole;
}

/** Who belongs to which workspace. */
export class Memberships {
  readonly #db: Queryable;

  constructor({ db }: { db: Queryable }) {
    this.#db = db;
  }

  /** Undefined for a stranger, and for a workspace that does not exist: a caller must not tell one from the other. */
  roleOf(userId: string, workspaceId: string): Promise<WorkspaceRole | undefined> {
    return findRole(this.#db, { userId, workspaceId });
  }

  /** In the order in which the user joined them. */
  workspacesOf(userId: string): Promise<Workspace[]> {
    return listWorkspacesOf(this.#db, userId);
  }

  /** The workspace joined first, which the Codex CLI calls the account; undefined for a user without any. */
  accountWorkspaceOf(userId: string): Promise<string | undefined> {
    return findAccountWorkspace(this.#db, userId);
  }
}
