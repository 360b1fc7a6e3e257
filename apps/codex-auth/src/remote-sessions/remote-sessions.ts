import type { Pool } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { CurrentUser } from '../accounts/current-user.ts';
import type { Memberships } from '../workspaces/memberships.ts';
import { deleteOldRemoteSessions, listRemoteSessions, upsertRemoteSessions } from './remote-session-store.ts';

/** A connection of `codex --remote` as its gateway reports it, in the words of the wire. */
export interface ReportedSession {
  readonly id: string;
  readonly workspace_id: string;
  readonly user_id: string;
  readonly remote_token_id: string | null;
  readonly client_name: string | null;
  readonly client_version: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly opened_ms_ago: number;
  /** Null while it is open. */
  readonly closed_ms_ago: number | null;
  readonly close_code: number | null;
}

/** A connection of `codex --remote`. */
export interface RemoteSession {
  readonly id: string;
  readonly workspaceId: string;
  readonly userId: string;
  readonly email: string;
  readonly remoteTokenId: string | undefined;
  readonly clientName: string | undefined;
  readonly clientVersion: string | undefined;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  readonly openedAt: Date;
  /** Undefined while it is open. */
  readonly endedAt: Date | undefined;
  readonly closeCode: number | undefined;
}

export interface RemoteSessionsDeps {
  readonly db: Pool;
  readonly memberships: Pick<Memberships, 'roleOf'>;
}

/** Four reports of a gateway that is well. */
const LEASE_SECONDS = 60;
const RETENTION_SECONDS = 30 * 86_400;
const MAX_LISTED = 1000;

/** Who is connected, and was in the last 30 days, by what the app-gateways report. */
export class RemoteSessions {
  readonly #deps: RemoteSessionsDeps;

  constructor(deps: RemoteSessionsDeps) {
    this.#deps = deps;
  }

  /** A gateway is alive, and knows this of some of its sessions. Safe to repeat. */
  report(report: { gatewayId: string; sessions: readonly ReportedSession[] }): Promise<void> {
    return upsertRemoteSessions(this.#deps.db, report);
  }

  /**
   * The sessions that somebody may see: their own, all of a workspace that they own, and all there are for administrators. The
   * newest first, at most a thousand.
   * @throws {HttpError} 404 for a stranger to the workspace
   */
  async list(
    { userId, role }: Pick<CurrentUser, 'userId' | 'role'>,
    { workspaceId, includeEnded }: { workspaceId: string | undefined; includeEnded: boolean },
  ): Promise<RemoteSession[]> {
    const { db, memberships } = this.#deps;
    const isAdmin = role === 'admin';
    const membership = workspaceId === undefined ? 'member' : await memberships.roleOf(userId, workspaceId);
    if (!membership && !isAdmin) throw new HttpError(404, 'not_found', 'there is no such workspace');
    const ofUser = isAdmin || membership === 'owner' ? undefined : userId;
    const limits = { leaseSeconds: LEASE_SECONDS, limit: MAX_LISTED };
    return listRemoteSessions(db, { workspaceId, userId: ofUser, includeEnded, ...limits });
  }

  /** Forgets sessions that ended more than 30 days ago. @returns how many rows, about `maxRows` at most */
  deleteOld(maxRows: number): Promise<number> {
    return deleteOldRemoteSessions(this.#deps.db, { retentionSeconds: RETENTION_SECONDS, limit: maxRows });
  }
}
