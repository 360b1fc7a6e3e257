import { HttpError } from '@codex-gateways/service';
import type { ExecutorConnection } from '../connections/executor-connection.ts';
import type { ExecutorDirectory } from '../connections/executor-directory.ts';
import type { Generation } from '../registration/generation.ts';
import { executorOffline, notInWorkspace, otherGeneration } from '../registration/harness-refusals.ts';
import type { Registrations } from '../registration/registrations.ts';
import { type TurnGuard, unauthorized } from '../revocation/turn-guard.ts';
import type { HarnessAdmission } from './harness-connection.ts';
import type { LiveHarnesses } from './live-harnesses.ts';

export interface HarnessAdmissionServices {
  readonly turnGuard: Pick<TurnGuard, 'bridgePermission' | 'isRevoked'>;
  readonly registrations: Pick<Registrations, 'reachable'>;
  readonly directory: Pick<ExecutorDirectory, 'locate'>;
  readonly liveHarnesses: Pick<LiveHarnesses, 'countOfTurn'>;
  readonly harnessesPerTurn: number;
}

/**
 * Decides about a bridge before the 101. A ticket of `/connect` comes from a Noise harness; a capability token itself from a
 * legacy one, which has no other way (docs/protocol.md).
 * @throws {HttpError} 401, 403, 409 generations differ, 429, 503 not connected
 */
export async function admitHarness(
  { exeId, token }: { exeId: string; token: string | undefined },
  services: HarnessAdmissionServices,
): Promise<{ admission: HarnessAdmission; executor: ExecutorConnection }> {
  const { admission, registrationId } = permissionOf(exeId, services.turnGuard.bridgePermission(token));
  const { isBound, connection } = await services.registrations.reachable(admission);
  if (!isBound) throw notInWorkspace();
  if (!connection) throw executorOffline();
  if (connection.generation !== admission.generation) {
    throw otherGeneration({ harness: admission.generation, executor: connection.generation });
  }
  if (registrationId !== undefined && registrationId !== connection.registrationId) throw registeredAgain();
  // Nothing below waits: what is decided here still holds when the socket opens.
  if (services.turnGuard.isRevoked(admission.turnId)) throw unauthorized('revoked');
  const location = services.directory.locate(exeId, connection);
  if (location.kind === 'elsewhere') throw connectedElsewhere();
  if (services.liveHarnesses.countOfTurn(admission.turnId) >= services.harnessesPerTurn) throw tooManyBridges();
  return { admission, executor: location.executor };
}

function permissionOf(
  exeId: string,
  permission: ReturnType<TurnGuard['bridgePermission']>,
): { admission: HarnessAdmission; registrationId: string | undefined } {
  const { claims } = permission;
  const who = { exeId, turnId: claims.turn_id, workspaceId: claims.workspace_id };
  if (permission.kind === 'capability') {
    const generation: Generation = 'legacy';
    return { admission: { ...who, generation, expiresAtSeconds: claims.exp }, registrationId: undefined };
  }
  const { exe_id, executor_registration_id: registrationId, capability_exp, exp } = permission.claims;
  if (exe_id !== exeId) throw unauthorized('ticket of another executor');
  return { admission: { ...who, generation: 'noise', expiresAtSeconds: capability_exp ?? exp }, registrationId };
}

function registeredAgain(): HttpError {
  return new HttpError(503, 'executor_registered_again', 'the executor has started anew; connect again', {
    reason: 'the executor has registered again since /connect',
    headers: { 'Retry-After': '1' },
  });
}

function connectedElsewhere(): HttpError {
  return new HttpError(503, 'executor_elsewhere', 'the executor is connected to another server; connect again', {
    reason: 'the executor is connected to another replica, or its connection has just ended',
    headers: { 'Retry-After': '1' },
  });
}

function tooManyBridges(): HttpError {
  return new HttpError(429, 'too_many_bridges', 'this turn has too many open bridges; close some first', {
    reason: 'harness connections of the turn',
  });
}
