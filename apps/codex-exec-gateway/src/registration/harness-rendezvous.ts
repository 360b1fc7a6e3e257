import { type Clock, recordedTraceparent } from '@codex-gateways/service';
import {
  bridgeTicket,
  type CapabilityClaims,
  harnessKeyAuthorization,
  type NoisePublicKey,
  noiseKeyDigest,
} from '@codex-gateways/tokens';
import { executorOffline, notInWorkspace, otherGeneration } from './harness-refusals.ts';
import type { Registrations } from './registrations.ts';

/** What a harness needs to reach an executor. */
export interface Rendezvous {
  readonly bridgeTicket: string;
  readonly harnessKeyAuthorization: string;
  readonly registrationId: string;
  readonly executorPublicKey: NoisePublicKey;
}

/** Brings a turn's harness and an executor of its workspace together. What it hands out is short-lived and bound to both. */
export class HarnessRendezvous {
  readonly #registrations: Pick<Registrations, 'reachable'>;
  readonly #clock: Clock;
  readonly #secret: string;
  readonly #lifetimeSeconds: number;

  constructor({
    registrations,
    clock,
    secret,
    lifetimeSeconds,
  }: {
    registrations: Pick<Registrations, 'reachable'>;
    clock: Clock;
    secret: string;
    lifetimeSeconds: number;
  }) {
    this.#registrations = registrations;
    this.#clock = clock;
    this.#secret = secret;
    this.#lifetimeSeconds = lifetimeSeconds;
  }

  /**
   * @param capability - verified
   * @throws {HttpError} 403 not bound, 503 not connected, 409 a legacy executor
   */
  async arrange({
    exeId,
    capability,
    harnessPublicKey,
  }: {
    exeId: string;
    capability: CapabilityClaims;
    harnessPublicKey: NoisePublicKey;
  }): Promise<Rendezvous> {
    const { isBound, connection } = await this.#registrations.reachable({
      exeId,
      workspaceId: capability.workspace_id,
    });
    if (!isBound) throw notInWorkspace();
    if (!connection) throw executorOffline();
    if (connection.generation !== 'noise') throw otherGeneration({ harness: 'noise', executor: connection.generation });
    if (!connection.registrationId || !connection.publicKey) throw executorOffline();
    const shared = {
      executor_registration_id: connection.registrationId,
      harness_key_digest: noiseKeyDigest(harnessPublicKey),
      turn_id: capability.turn_id,
      workspace_id: capability.workspace_id,
      exp: Math.min(this.#clock.nowSeconds() + this.#lifetimeSeconds, capability.exp),
    };
    const traceparent = recordedTraceparent();
    const ticket = {
      ...shared,
      exe_id: exeId,
      capability_exp: capability.exp,
      ...(traceparent ? { traceparent } : {}),
    };
    return {
      bridgeTicket: bridgeTicket.mint(ticket, this.#secret),
      harnessKeyAuthorization: harnessKeyAuthorization.mint(shared, this.#secret),
      registrationId: connection.registrationId,
      executorPublicKey: connection.publicKey,
    };
  }
}
