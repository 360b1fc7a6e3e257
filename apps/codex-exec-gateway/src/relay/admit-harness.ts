import { HttpError } from '@codex-gateways/service';
import type { Generation } from '../registration/generation.ts';
import { executorOffline, notInWorkspace, otherGeneration } from '../registration/harness-refusals.ts';
import type { LiveConnection, Registrations } from '../registration/registrations.ts';
import { type TurnGuard, unauthorized } from '../revocation/turn-guard.ts';
import type { HarnessAdmission } from './harness-connection.ts';

/** What a harness may do, by what it showed: nothing is said yet about the executor. */
export interface HarnessPermission {
  readonly admission: HarnessAdmission;
  /** The registration that `/connect` told the harness about; undefined for a legacy one, which did not ask. */
  readonly registrationId: string | undefined;
  /** The trace that the turn is part of. */
  readonly traceparent?: string | undefined;
}

/**
 * Reads what a harness shows. A ticket of `/connect` comes from a Noise harness; a capability token itself from a legacy one, which
 * has no other way (docs/protocol.md). A bearer counts before the url's token, but says nothing of the generation where it is the
 * capability token of the ticket's turn.
 * @throws {HttpError} 401; 503 while revocations are not known
 */
export function bridgePermission(
  { exeId, bearer, token }: { exeId: string; bearer: string | undefined; token: string | undefined },
  turnGuard: Pick<TurnGuard, 'bridgePermission'>,
): HarnessPermission {
  let permission = turnGuard.bridgePermission(bearer ?? token);
  if (bearer !== undefined && token !== undefined && permission.kind === 'capability') {
    const inUrl = turnGuard.bridgePermission(token);
    if (inUrl.claims.turn_id !== permission.claims.turn_id) throw unauthorized('bearer and token of different turns');
    permission = inUrl;
  }
  const { claims } = permission;
  const { traceparent } = claims;
  const who = { exeId, turnId: claims.turn_id, workspaceId: claims.workspace_id };
  if (permission.kind === 'capability') {
    const generation: Generation = 'legacy';
    return { admission: { ...who, generation, expiresAtSeconds: claims.exp }, registrationId: undefined, traceparent };
  }
  const { exe_id, executor_registration_id: registrationId, capability_exp, exp } = permission.claims;
  if (exe_id !== exeId) throw unauthorized('ticket of another executor');
  const admission: HarnessAdmission = { ...who, generation: 'noise', expiresAtSeconds: capability_exp ?? exp };
  return { admission, registrationId, traceparent };
}

/**
 * The live connection that the harness may reach now.
 * @throws {HttpError} 403 not bound, 409 generations differ, 503 not connected
 */
export async function reachExecutor(
  { admission, registrationId }: HarnessPermission,
  registrations: Pick<Registrations, 'reachable'>,
): Promise<LiveConnection> {
  const { isBound, connection } = await registrations.reachable(admission);
  if (!isBound) throw notInWorkspace();
  if (!connection) throw executorOffline();
  if (connection.generation !== admission.generation) {
    throw otherGeneration({ harness: admission.generation, executor: connection.generation });
  }
  if (registrationId !== undefined && registrationId !== connection.registrationId) throw registeredAgain();
  return connection;
}

function registeredAgain(): HttpError {
  return new HttpError(503, 'executor_registered_again', 'the executor has started anew; connect again', {
    reason: 'the executor has registered again since /connect',
    headers: { 'Retry-After': '1' },
  });
}

/** @param reason - for the log: why the replica that has the executor does not take the bridge */
export function connectedElsewhere(reason: string): HttpError {
  return new HttpError(503, 'executor_elsewhere', 'the executor is connected to another server; connect again', {
    reason,
    headers: { 'Retry-After': '1' },
  });
}
