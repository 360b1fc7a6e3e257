import type { ExecutorDirectory } from '../connections/executor-directory.ts';
import type { ForwardedBridges } from '../forwarding/forwarded-bridges.ts';
import type { Registrations } from '../registration/registrations.ts';
import { type TurnGuard, unauthorized } from '../revocation/turn-guard.ts';
import type { Upgrade } from '../web-sockets.ts';
import { connectedElsewhere, type HarnessPermission, reachExecutor } from './admit-harness.ts';
import type { Bridges } from './bridges.ts';
import type { TurnBridges } from './turn-bridges.ts';

export interface JoinServices {
  readonly turnGuard: Pick<TurnGuard, 'isRevoked'>;
  readonly registrations: Pick<Registrations, 'reachable'>;
  readonly directory: Pick<ExecutorDirectory, 'locate'>;
  readonly bridges: Pick<Bridges, 'open'>;
  readonly forwardedBridges: Pick<ForwardedBridges, 'open'>;
  readonly turnBridges: Pick<TurnBridges, 'take'>;
}

/** The executor may move while its replica is dialled; then it is looked for once more. */
const MAX_ATTEMPTS = 2;

/**
 * Joins a harness to its executor, at this replica or through the one that has it.
 * @throws {HttpError} before the 101: 401 revoked, 403, 409, 429 too many bridges of the turn, 503 not connected or not reachable
 */
export async function joinExecutor(
  upgrade: Upgrade,
  permission: HarnessPermission,
  services: JoinServices,
): Promise<void> {
  await reachExecutor(permission, services.registrations); // a bridge that goes nowhere takes no place
  const release = await services.turnBridges.take(permission.admission);
  let isJoined = false;
  try {
    isJoined = await join(upgrade, permission, { ...services, release });
  } finally {
    if (!isJoined) release();
  }
}

async function join(
  upgrade: Upgrade,
  permission: HarnessPermission,
  services: JoinServices & { release: () => void },
): Promise<boolean> {
  const { turnGuard, registrations, directory, bridges, forwardedBridges, release } = services;
  const { admission } = permission;
  let reason = '';
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const connection = await reachExecutor(permission, registrations);
    // Nothing waits between this and the 101 of a bridge that ends here: what is decided still holds when the socket opens.
    if (turnGuard.isRevoked(admission.turnId)) throw unauthorized('revoked');
    const location = directory.locate(admission.exeId, connection);
    if (location.kind === 'here') return bridges.open(upgrade, { admission, executor: location.executor, release });
    const outcome = await forwardedBridges.open(upgrade, { permission, connection, release });
    if (outcome.kind !== 'missed') return outcome.kind === 'joined';
    reason = outcome.reason;
  }
  throw connectedElsewhere(reason);
}
