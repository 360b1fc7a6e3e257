import type { Bindings } from './bindings/bindings.ts';
import { parseClusterEvent } from './connections/cluster-events.ts';
import type { ConnectionRecord } from './connections/connection-record.ts';
import type { LocalExecutors } from './connections/local-executors.ts';
import type { Duels } from './duels/duels.ts';
import type { ForwardedBridges } from './forwarding/forwarded-bridges.ts';
import type { LiveHarnesses } from './relay/live-harnesses.ts';
import type { RevokedTurns } from './revocation/revoked-turns.ts';

export interface ClusterReactionServices {
  readonly revokedTurns: Pick<RevokedTurns, 'learn' | 'refresh'>;
  readonly localExecutors: Pick<LocalExecutors, 'dismiss' | 'closeOlder'>;
  readonly duels: Pick<Duels, 'contest'>;
  readonly liveHarnesses: LiveHarnesses;
  readonly forwardedBridges: Pick<ForwardedBridges, 'closeMoved'>;
  readonly record: Pick<ConnectionRecord, 'confirm'>;
  readonly bindings: Pick<Bindings, 'missing'>;
}

/** Does at this replica what a write at any replica asks for. */
export function reactToClusterEvent(payload: string, services: ClusterReactionServices): void {
  const event = parseClusterEvent(payload);
  switch (event?.kind) {
    case 'turn_revoked':
      services.revokedTurns.learn(event.turn_id, event.expires_at * 1000);
      break;
    case 'executor_deleted':
      services.localExecutors.dismiss(event.exe_id, 'deleted');
      break;
    case 'executor_disconnected':
      services.localExecutors.dismiss(event.exe_id, 'disconnected');
      break;
    case 'executor_contested':
      services.duels.contest({ exeId: event.exe_id, connectionId: event.connection_id });
      break;
    case 'executor_unbound':
      services.liveHarnesses.closeBinding({ workspaceId: event.workspace_id, exeId: event.exe_id });
      break;
    case 'executor_connected':
      services.localExecutors.closeOlder(event.exe_id, BigInt(event.connection_number));
      services.forwardedBridges.closeMoved(event.exe_id, event.connection_id);
  }
}

/** Reads again what notifications may have said while nobody listened. */
export async function catchUp(services: ClusterReactionServices): Promise<void> {
  services.revokedTurns.refresh({ all: true });
  services.record.confirm(); // finds newer connections and deleted executors
  const keys = new Map(
    [...services.liveHarnesses].map(({ admission: { workspaceId, exeId } }) => [
      `${workspaceId}\0${exeId}`,
      { workspaceId, exeId },
    ]),
  );
  for (const key of await services.bindings.missing([...keys.values()])) services.liveHarnesses.closeBinding(key);
}
