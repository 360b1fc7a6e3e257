import type { Logger } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { AppServerSource } from '../app-server/app-server.ts';
import {
  type ApprovalDesk,
  type ApprovalObserver,
  type ApprovalPolicy,
  createApprovalDesk,
} from '../approvals/approval-desk.ts';
import type { Caller } from '../authentication/authenticator.ts';
import type { Limits } from '../config.ts';
import { createGuard, type Guard } from '../guard/guard.ts';
import type { ClientConnection } from './connection-registry.ts';
import { createAppServerDialer } from './dial-app-server.ts';
import { type ConnectionObserver, ProxiedConnection } from './proxied-connection.ts';
import type { PendingUpgrade } from './upgrade-listener.ts';
import { warn } from './warning.ts';

/** Joins an accepted client to what was reached for it. */
export type Join = (client: FrameSocket) => ClientConnection;

/** Reaches the app-server of a caller's workspace, wherever it is. */
export type Reach = (caller: Caller & { takeOver?: boolean }, upgrade: PendingUpgrade) => Promise<Join>;

/**
 * Reaches app-servers of this very gateway, or one that it dials: takes a hold on it, connects to it, and puts the guard between
 * it and the client.
 */
export function reachAppServers(deps: {
  readonly appServers: AppServerSource;
  readonly limits: Limits;
  readonly observer: ConnectionObserver & ApprovalObserver;
  /** Who answers when an app-server asks for approval. */
  readonly approvals: ApprovalPolicy;
  readonly log: Logger;
}): Reach {
  const { appServers, limits, observer, approvals: policy } = deps;
  const dialAppServer = createAppServerDialer(limits);
  return async (caller, { attempt, deadline, memory, scope }) => {
    const lease = appServers.acquireNow(caller.workspaceId) ?? (await scope.run(() => appServers.acquire(caller)));
    attempt.onFailure(() => lease.release());
    const upstream = await dialAppServer(lease.appServer, { deadline, memory }).catch((error: unknown) => {
      lease.suspect();
      throw error;
    });
    attempt.onFailure(() => upstream.terminate());
    return (client) => {
      lease.onNotice((message) => warn(client, message));
      const who = { workspace_id: caller.workspaceId, user_id: caller.userId, ...scope.fields };
      const log = { info: (fields: object, message: string) => deps.log.info({ ...who, ...fields }, message) };
      const approvals = createApprovalDesk({ policy, observer, log });
      const guard = overheard(createGuard(lease.appServer), approvals);
      return new ProxiedConnection({ client, upstream, lease, guard, approvals, limits, observer });
    };
  };
}

/** What gets past the guard is heard at the desk too: it may be an answer to what was asked there. */
function overheard(guard: Guard, approvals: ApprovalDesk): Guard {
  return {
    inspect(frame) {
      const verdict = guard.inspect(frame);
      if (verdict.kind === 'forward') approvals.clientSaid(frame);
      return verdict;
    },
  };
}
