import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Logger,
  noTracing,
  openRequest,
  type RequestScope,
  type Tracing,
  type UpgradeListener,
} from '@codex-gateways/service';
import { acceptWebSocket, type FrameSocket, type SocketMemory } from '@codex-gateways/websocket';
import type { Limits } from '../config.ts';
import { Deadline } from '../deadline.ts';
import { SCAN_WINDOW } from '../guard/json-scan.ts';
import { Attempt, withinDeadline } from './attempt.ts';
import { CLOSE_GRACE_MS } from './close-forwarding.ts';
import { clientLeft, refuseWith, unavailable } from './upgrade-refusal.ts';
import { pathOf } from './upgrade-request.ts';

export interface UpgradeListenerDeps {
  readonly limits: Pick<Limits, 'maxFrameBytes' | 'maxPendingUpgrades' | 'upgradeTimeoutMs'>;
  readonly isDraining: () => boolean;
  readonly observer: {
    /** @param status - 101 for a connection */
    upgraded(status: number, durationMs: number): void;
  };
  readonly memory: SocketMemory;
  /** Upgrades are traced with it. */
  readonly tracing?: Tracing;
  readonly log: Logger;
}

/** An upgrade that is being decided. */
export interface PendingUpgrade {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  /**
   * The request that it is. The code that decides is no part of it, unless spans are recorded: in Node.js 20 following calls makes every promise
   * and callback of the process dearer.
   */
  readonly scope: RequestScope;
  /** Gives back what was taken for it, when it fails. */
  readonly attempt: Attempt;
  /** When it has taken too long. */
  readonly deadline: Deadline;
  /** For every socket of the connection. */
  readonly memory: SocketMemory;
  /** Fields for the line that the upgrade leaves in the log. */
  note(fields: Readonly<Record<string, string | undefined>>): void;
}

/** One kind of upgrade. */
export interface UpgradeKind {
  /** @throws {HttpError} for what is not an upgrade of this kind, before anything is asked or taken */
  check(req: IncomingMessage): void;
  /**
   * Readies everything that a connection needs, but the client's own WebSocket.
   * @returns takes over the client's WebSocket
   */
  prepare(upgrade: PendingUpgrade): Promise<(client: FrameSocket) => void>;
}

/** Everything that can be refused is refused in HTTP, before there is a WebSocket: 101 comes when all is ready. */
export function createUpgradeListener(deps: UpgradeListenerDeps, kind: UpgradeKind): UpgradeListener {
  const { tracing = noTracing(), memory, log } = deps;
  let pending = 0;
  return (req, socket, head) => {
    const startedAtMs = performance.now();
    const path = pathOf(req);
    const scope = openRequest(req, { tracing });
    const noted = {};
    const ignoreError = () => undefined; // a client that left; what is sent to it goes nowhere
    socket.on('error', ignoreError);
    pending += 1;
    const decided = (status: number) => {
      const durationMs = performance.now() - startedAtMs;
      pending -= 1;
      socket.off('error', ignoreError);
      deps.observer.upgraded(status, durationMs);
      log.info({ path, status, duration_ms: Math.round(durationMs), ...scope.fields, ...noted }, 'upgrade');
      scope.end({ route: status === 404 ? 'unmatched' : path, status });
      scope.release();
    };
    const decide = () => {
      const note = (fields: object) => void Object.assign(noted, fields);
      const [attempt, deadline] = [new Attempt(), new Deadline(deps.limits.upgradeTimeoutMs)];
      void upgrade(deps, kind, { req, socket, head, scope, attempt, deadline, note, pending, memory })
        .catch((error: unknown) => refuseWith(error, { scope, socket, log }))
        .then(decided);
    };
    if (tracing.isOn) scope.run(decide);
    else decide();
  };
}

/** Made once and handed on as it is: a copy takes longer than what is decided here. */
interface Upgrade extends PendingUpgrade {
  readonly head: Buffer;
  /** Upgrades under way, this one among them. */
  readonly pending: number;
}

/** @returns the status that it ended with */
async function upgrade(deps: UpgradeListenerDeps, kind: UpgradeKind, asked: Upgrade): Promise<number> {
  const { limits } = deps;
  const { req, attempt, deadline, pending } = asked;
  try {
    kind.check(req);
    assertNotDraining(deps);
    if (pending > limits.maxPendingUpgrades) throw unavailable('busy', 'this gateway is busy with other connections');
    const tooLate = () => unavailable('timeout', 'the app-server was not ready in time');
    const connect = await withinDeadline(kind.prepare(asked), deadline, tooLate);
    assertNotDraining(deps);
    connect(acceptUpgrade(limits, asked));
    return 101;
  } catch (error) {
    attempt.fail();
    throw error;
  } finally {
    deadline.clear();
  }
}

/** @throws {HttpError} 499 when the client has left meanwhile */
function acceptUpgrade(
  { maxFrameBytes }: Pick<Limits, 'maxFrameBytes'>,
  { req, socket, head, memory }: Upgrade,
): FrameSocket {
  // Its messages are unmasked where the guard looks at them, whichever guard it is.
  const options = {
    ...{ maxMessageBytes: maxFrameBytes, closeTimeoutMs: CLOSE_GRACE_MS },
    ...{ memory, unmaskInto: SCAN_WINDOW },
  };
  const client = acceptWebSocket({ req, socket: socket as Socket, head }, options);
  if (!client) throw clientLeft();
  return client;
}

function assertNotDraining({ isDraining }: UpgradeListenerDeps): void {
  if (isDraining()) throw unavailable('draining', 'this gateway is shutting down');
}
