import { bearerOf, type Clock } from '@codex-gateways/service';
import type { ExecutorDirectory } from '../connections/executor-directory.ts';
import type { Registrations } from '../registration/registrations.ts';
import { connectedElsewhere, reachExecutor } from '../relay/admit-harness.ts';
import type { Bridges } from '../relay/bridges.ts';
import { type TurnGuard, unauthorized } from '../revocation/turn-guard.ts';
import type { Upgrade } from '../web-sockets.ts';
import { readHop } from './hop-grant.ts';

export interface ForwardedBridgeServices {
  readonly replicaId: string;
  readonly hopSecret: string;
  readonly clock: Clock;
  readonly turnGuard: Pick<TurnGuard, 'isRevoked'>;
  readonly registrations: Pick<Registrations, 'reachable'>;
  readonly directory: Pick<ExecutorDirectory, 'locate'>;
  readonly bridges: Pick<Bridges, 'open'>;
}

/**
 * ws `/forwarded-bridge/{exe_id}`: a bridge that a harness opened at another replica, for an executor of this one. Everything but
 * the harness's own token is checked again. It ends here or nowhere: it is never forwarded once more.
 */
export function forwardedBridgeRoute(services: ForwardedBridgeServices): (upgrade: Upgrade) => Promise<void> {
  const { replicaId, hopSecret: secret, clock, turnGuard, registrations, directory, bridges } = services;
  return async (upgrade) => {
    const { exeId, req } = upgrade;
    const token = bearerOf(req.headers.authorization);
    const permission = readHop({ exeId, token }, { replicaId, secret, nowSeconds: clock.nowSeconds() });
    const connection = await reachExecutor(permission, registrations);
    const { admission } = permission;
    if (turnGuard.isRevoked(admission.turnId)) throw unauthorized('revoked');
    const location = directory.locate(exeId, connection);
    if (location.kind === 'elsewhere')
      throw connectedElsewhere('forwarded to a replica that does not have the executor');
    bridges.open(upgrade, { admission, executor: location.executor, release: () => undefined });
  };
}
