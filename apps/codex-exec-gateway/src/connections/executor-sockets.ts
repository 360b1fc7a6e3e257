import { randomUUID } from 'node:crypto';
import { HttpError, type Logger } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { Limits } from '../config.ts';
import type { Duels } from '../duels/duels.ts';
import { ExecutorRelay } from '../relay/executor-relay.ts';
import { FrameSink } from '../relay/frame-sink.ts';
import { receiveFrames } from '../relay/receive-frames.ts';
import type { RelayTally } from '../relay/relay-tally.ts';
import { draining } from '../unavailable.ts';
import type { Upgrade, WebSocketAcceptor } from '../web-sockets.ts';
import type { AdmittedExecutor } from './admit-executor.ts';
import type { ConnectionRecord } from './connection-record.ts';
import { ExecutorConnection, type ExecutorIdentity } from './executor-connection.ts';
import type { EndReason } from './executor-connections-store.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { LocalExecutors } from './local-executors.ts';

export interface ExecutorSocketServices {
  readonly acceptor: WebSocketAcceptor;
  readonly record: Pick<ConnectionRecord, 'announce' | 'withdraw'>;
  readonly duels: Pick<Duels, 'noteEviction'>;
  readonly localExecutors: LocalExecutors;
  readonly heartbeat: Heartbeat;
  readonly tally: RelayTally;
  readonly limits: Limits;
  readonly log: Logger;
  readonly isDraining: () => boolean;
}

/** Opens and ends the WebSockets of executors. */
export class ExecutorSockets {
  readonly #services: ExecutorSocketServices;

  constructor(services: ExecutorSocketServices) {
    this.#services = services;
  }

  /**
   * Puts the connection on record, so that it counts at every replica as soon as the executor sees the 101, and opens it.
   * @throws {HttpError} 503 when another connection of the same executor was faster, or while draining
   */
  async open(executor: AdmittedExecutor, upgrade: Upgrade): Promise<void> {
    const { record, acceptor, isDraining } = this.#services;
    const { exeId, registrationId, generation } = executor;
    const connectionId = randomUUID();
    const connectionNumber = await record.announce({
      exeId,
      connectionId,
      registrationId,
      generation,
      clientIp: upgrade.clientIp,
      ticketExpiresAtSeconds: executor.ticketExpiresAtSeconds,
    });
    if (connectionNumber === undefined) throw overtaken();
    const ws = isDraining() ? undefined : acceptor.accept(generation, upgrade);
    if (!ws) {
      record.withdraw({ exeId, connectionId }, 'handshakeFailed');
      if (isDraining()) throw draining();
      return;
    }
    this.#run(ws, upgrade, { exeId, connectionId, connectionNumber, registrationId, generation });
    const ticket = executor.ticketFingerprint;
    this.#services.log.info({ exe_id: exeId, connection_id: connectionId, generation, ticket }, 'executor connected');
  }

  #run(ws: FrameSocket, { socket }: Upgrade, identity: ExecutorIdentity): void {
    const { limits, tally, heartbeat, localExecutors, log } = this.#services;
    const executor = new FrameSink(ws, {
      highWaterBytes: limits.executorHighWaterBytes,
      limitBytes: limits.executorBufferBytes,
      onPressure: (isCongested) => relay.setPressure(isCongested),
    });
    const relay = new ExecutorRelay({
      executor,
      tally,
      limits,
      onOverflow: () => connection.close('bufferFull', 'the executor does not read fast enough'),
    });
    const connection = new ExecutorConnection({ ws, socket }, identity, {
      relay,
      onEnd: (ended, reason) => this.#ended(ended, reason),
      onEvictedAlive: () => this.#services.duels.noteEviction(identity),
    });
    receiveFrames(ws, connection, { tally, onFrame: (bytes) => relay.fromExecutor(bytes, ws) });
    heartbeat.watch(ws, socket, () => {
      log.info({ exe_id: identity.exeId, connection_id: identity.connectionId }, 'executor does not answer pings');
      connection.terminate('pingTimeout');
    });
    localExecutors.add(connection);
  }

  #ended(connection: ExecutorConnection, reason: EndReason): void {
    const { localExecutors, record, tally, log } = this.#services;
    tally.executorEnded(reason);
    localExecutors.remove(connection);
    record.withdraw(connection.identity, reason);
    const orphans = connection.relay.dissolve();
    for (const harness of orphans) harness.close('peerGone', 'the executor has disconnected');
    const { exeId, connectionId } = connection.identity;
    const line = { exe_id: exeId, connection_id: connectionId, reason, bridges: orphans.length };
    log.info(line, 'executor disconnected');
  }
}

function overtaken(): HttpError {
  return new HttpError(503, 'overtaken', 'another connection of this executor has just opened', {
    reason: 'overtaken by another connection of the executor',
    headers: { 'Retry-After': '2' },
  });
}
