import { dialReplicaSocket, type SocketDialOutcome, type Splice, spliceSockets } from '@codex-gateways/cluster';
import {
  CLOSE_CODES,
  type Clock,
  type CloseCodeName,
  closeReason,
  currentTraceparent,
  HttpError,
  type Logger,
} from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import { z } from 'zod';
import type { Limits } from '../config.ts';
import type { Heartbeat } from '../connections/heartbeat.ts';
import type { LiveConnection, Registrations } from '../registration/registrations.ts';
import type { HarnessPermission } from '../relay/admit-harness.ts';
import type { HarnessAdmission } from '../relay/harness-connection.ts';
import type { LiveBridge, LiveHarnesses } from '../relay/live-harnesses.ts';
import { type TurnGuard, unauthorized } from '../revocation/turn-guard.ts';
import type { Upgrade, WebSocketAcceptor } from '../web-sockets.ts';
import { HOP_REFUSED, mintHop } from './hop-grant.ts';

export const FORWARD_OUTCOMES = ['joined', 'refused', 'unreachable'] as const;
export type ForwardOutcome = (typeof FORWARD_OUTCOMES)[number];

export interface ForwardingServices {
  readonly replicaId: string;
  readonly hopSecret: string;
  readonly connectTimeoutMs: number;
  readonly acceptor: WebSocketAcceptor;
  readonly liveHarnesses: LiveHarnesses;
  readonly heartbeat: Heartbeat;
  readonly registrations: Pick<Registrations, 'reachable'>;
  readonly turnGuard: Pick<TurnGuard, 'isRevoked'>;
  readonly counters: { bridgeForwarded(outcome: ForwardOutcome): void };
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
}

export type ForwardResult =
  | { readonly kind: 'joined' }
  /** The harness did not wait, or asked in a way that ws refuses. */
  | { readonly kind: 'gone' }
  /** The replica that should have the executor does not have it, or is not there: look again. */
  | { readonly kind: 'missed'; readonly reason: string };

export interface BridgeToForward {
  readonly permission: HarnessPermission;
  readonly connection: LiveConnection;
  /** Called once, when an opened bridge is over. */
  readonly release: () => void;
}

type OpenHop = Extract<SocketDialOutcome, { kind: 'open' }>;

const LOST = { code: CLOSE_CODES.peerGone.code, reason: 'the connection to the executor is lost; connect again' };

/** What looking again would not change. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([401, 403, 409, 429]);

const refusalSchema = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(1000) }) });

/** Bridges whose executor is connected to another replica: this one passes their bytes on to it and back. */
export class ForwardedBridges {
  readonly #services: ForwardingServices;
  readonly #bridges = new Set<ForwardedBridge>();

  constructor(services: ForwardingServices) {
    this.#services = services;
  }

  get size(): number {
    return this.#bridges.size;
  }

  /**
   * Dials the replica that has the executor, and only when that has said 101 says 101 to the harness.
   * @throws {HttpError} what the other replica refuses the bridge with; 401 when the turn was revoked meanwhile
   */
  async open(upgrade: Upgrade, bridge: BridgeToForward): Promise<ForwardResult> {
    const { replicaId, internalUrl } = bridge.connection;
    if (replicaId === this.#services.replicaId) return missed('the connection of the executor has just ended');
    if (internalUrl === undefined) return missed('the other replica does not say where it is (CXG_SELF_INTERNAL_URL)');
    const outcome = await this.#dial(upgrade, bridge.permission, { replicaId, internalUrl });
    this.#services.counters.bridgeForwarded(outcome.kind === 'open' ? 'joined' : outcome.kind);
    if (outcome.kind === 'open') return this.#join(upgrade, outcome, bridge);
    if (outcome.kind === 'unreachable') return missed(`the replica at ${internalUrl} does not answer`);
    return refusal(outcome);
  }

  /** Ends the bridges to an executor that has connected anew since, which a replica that died could not do. */
  closeMoved(exeId: string, connectionId: string): void {
    for (const bridge of [...this.#bridges]) {
      if (bridge.admission.exeId === exeId && bridge.connectionId !== connectionId) {
        bridge.close('peerGone', 'the executor has connected again; connect again');
      }
    }
  }

  async #dial(
    { socket, exeId, requestId }: Upgrade,
    permission: HarnessPermission,
    { replicaId, internalUrl }: { replicaId: string; internalUrl: string },
  ): Promise<SocketDialOutcome> {
    const { hopSecret: secret, clock, limits, connectTimeoutMs: timeoutMs, acceptor } = this.#services;
    const gone = new AbortController();
    const onGone = () => gone.abort();
    socket.once('close', onGone);
    const isNoise = permission.admission.generation === 'noise';
    const outcome = await dialReplicaSocket({
      ...{ internalUrl, requestId, timeoutMs, signal: gone.signal, path: `/forwarded-bridge/${exeId}` },
      traceparent: currentTraceparent(),
      token: mintHop(permission, { replicaId, secret, nowSeconds: clock.nowSeconds() }),
      maxPayloadBytes: isNoise ? limits.noiseFrameBytes : limits.plainFrameBytes,
      memory: acceptor.memory,
    });
    socket.off('close', onGone);
    return outcome;
  }

  #join(upgrade: Upgrade, hop: OpenHop, { permission, connection, release }: BridgeToForward): ForwardResult {
    const { acceptor, turnGuard } = this.#services;
    const { admission } = permission;
    hop.ws.on('error', () => undefined); // followed by `close`, which ends the bridge
    let harness: FrameSocket | undefined;
    try {
      // Dialling took a while; from here on nothing waits.
      if (turnGuard.isRevoked(admission.turnId)) throw unauthorized('revoked');
      harness = acceptor.accept(admission.generation, upgrade);
    } finally {
      if (!harness) hop.ws.terminate();
    }
    if (!harness) return { kind: 'gone' };
    this.#run({ harness, hop, upgrade }, { admission, connectionId: connection.connectionId, release });
    return { kind: 'joined' };
  }

  #run(
    { harness, hop, upgrade }: { harness: FrameSocket; hop: OpenHop; upgrade: Upgrade },
    { admission, connectionId, release }: { admission: HarnessAdmission; connectionId: string; release: () => void },
  ): void {
    const { liveHarnesses, heartbeat, limits } = this.#services;
    const splice = spliceSockets(harness, hop.ws, {
      highWaterBytes: limits.executorHighWaterBytes,
      lost: LOST,
      onEnd: () => {
        this.#bridges.delete(bridge);
        liveHarnesses.remove(bridge);
        release();
        this.#log('forwarded bridge closed', admission);
      },
    });
    const bridge = new ForwardedBridge(splice, { admission, connectionId });
    heartbeat.watch(harness, upgrade.socket, () => harness.terminate());
    // The other replica does not read, and so not answer, while the executor is slow: only the record says whether it is gone.
    heartbeat.watch(hop.ws, hop.socket, () => this.#terminateIfMoved(hop.ws, bridge));
    this.#bridges.add(bridge);
    liveHarnesses.add(bridge);
    this.#log('bridge forwarded', admission);
  }

  #terminateIfMoved(hop: FrameSocket, { admission, connectionId }: ForwardedBridge): void {
    this.#services.registrations.reachable(admission).then(
      ({ connection }) => {
        if (connection?.connectionId !== connectionId) hop.terminate();
      },
      () => undefined, // the database is away, which live bridges do not notice
    );
  }

  #log(event: string, { exeId, turnId, workspaceId, generation }: HarnessAdmission): void {
    this.#services.log.info({ exe_id: exeId, turn_id: turnId, workspace_id: workspaceId, generation }, event);
  }
}

/** One harness's connection here and the hop to the replica that has its executor. */
class ForwardedBridge implements LiveBridge {
  readonly admission: HarnessAdmission;
  readonly connectionId: string;
  readonly #splice: Splice;

  constructor(splice: Splice, { admission, connectionId }: { admission: HarnessAdmission; connectionId: string }) {
    this.#splice = splice;
    this.admission = admission;
    this.connectionId = connectionId;
  }

  close(name: CloseCodeName, reason: string): void {
    this.#splice.close(CLOSE_CODES[name].code, closeReason(reason));
  }
}

function missed(reason: string): ForwardResult {
  return { kind: 'missed', reason };
}

/** @throws {HttpError} the other replica's refusal, unless it says that the executor is not there (any more) */
function refusal({ status, body }: { status: number; body: unknown }): ForwardResult {
  const parsed = refusalSchema.safeParse(body);
  const { code, message } = parsed.success ? parsed.data.error : { code: HOP_REFUSED, message: '' };
  if (code === HOP_REFUSED || !FINAL_STATUSES.has(status))
    return missed(`the other replica answered ${status} ${code}`);
  throw new HttpError(status, code, message, { reason: `refused by the other replica: ${code}` });
}
