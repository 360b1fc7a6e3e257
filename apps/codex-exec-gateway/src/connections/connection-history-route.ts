import type { RequestHandler } from 'express';
import { executorIdOf, unknownExecutor } from '../reading.ts';
import type { ConnectionHistory, PastConnection } from './connection-history.ts';

/** `GET /api/codex-exec/executors/{exe_id}/connections`: when, from where, and why each of the latest connections ended. */
export function connectionHistoryRoute({ history }: { history: Pick<ConnectionHistory, 'of'> }): RequestHandler {
  return async (req, res) => {
    const connections = await history.of(executorIdOf(req.params.exe_id));
    if (!connections) throw unknownExecutor();
    res.json(connections.map(toWire));
  };
}

function toWire(connection: PastConnection) {
  return {
    connection_id: connection.connectionId,
    connected_at: connection.connectedAt.toISOString(),
    ended_at: connection.endedAt?.toISOString() ?? null,
    end_reason: connection.endReason ?? null,
    evicted_alive: connection.wasEvictedAlive,
    client_ip: connection.clientIp ?? null,
    generation: connection.generation,
    executor_registration_id: connection.registrationId ?? null,
    replica_id: connection.replicaId,
  };
}
