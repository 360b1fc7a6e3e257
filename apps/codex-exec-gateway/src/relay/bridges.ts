import type { Logger } from '@codex-gateways/service';
import type { Limits } from '../config.ts';
import type { ExecutorConnection } from '../connections/executor-connection.ts';
import type { Heartbeat } from '../connections/heartbeat.ts';
import type { Upgrade, WebSocketAcceptor } from '../web-sockets.ts';
import { type HarnessAdmission, HarnessConnection } from './harness-connection.ts';
import type { LiveHarnesses } from './live-harnesses.ts';
import { receiveFrames } from './receive-frames.ts';
import type { RelayTally } from './relay-tally.ts';

export interface BridgeServices {
  readonly acceptor: WebSocketAcceptor;
  readonly liveHarnesses: LiveHarnesses;
  readonly heartbeat: Heartbeat;
  readonly tally: RelayTally;
  readonly limits: Limits;
  readonly log: Logger;
}

/** Opens and ends the bridges between harnesses and executors of this replica. */
export class Bridges {
  readonly #services: BridgeServices;

  constructor(services: BridgeServices) {
    this.#services = services;
  }

  /**
   * Opens the WebSocket of an admitted harness and joins it to its executor.
   * @param bridge.release - called once, when an opened bridge is over
   * @returns whether it was opened: the harness may be gone
   */
  open(
    upgrade: Upgrade,
    {
      admission,
      executor,
      release,
    }: { admission: HarnessAdmission; executor: ExecutorConnection; release: () => void },
  ): boolean {
    const { acceptor, limits, liveHarnesses, heartbeat, tally } = this.#services;
    const ws = acceptor.accept(admission.generation, upgrade);
    if (!ws) return false;
    const { relay } = executor;
    const firstFrame = setTimeout(() => {
      harness.close('policyViolation', 'no frame came after the bridge was opened');
    }, limits.firstFrameTimeoutMs);
    firstFrame.unref();
    const harness = new HarnessConnection(ws, admission, {
      bufferBytes: limits.harnessBufferBytes,
      onEnd: (ended) => {
        clearTimeout(firstFrame);
        relay.detach(ended);
        liveHarnesses.remove(ended);
        release();
        this.#log('bridge closed', admission);
      },
    });
    ws.once('message', () => clearTimeout(firstFrame));
    receiveFrames(ws, harness, { tally, onFrame: (bytes) => relay.fromHarness(harness, bytes, ws) });
    heartbeat.watch(ws, upgrade.socket, () => ws.terminate());
    liveHarnesses.add(harness);
    relay.attach(harness);
    this.#log('bridge opened', admission);
    return true;
  }

  #log(event: 'bridge opened' | 'bridge closed', { exeId, turnId, workspaceId, generation }: HarnessAdmission): void {
    this.#services.log.info({ exe_id: exeId, turn_id: turnId, workspace_id: workspaceId, generation }, event);
  }
}
