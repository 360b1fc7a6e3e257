import { randomUUID } from 'node:crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { mintWsTicket, type NoisePublicKey } from '@codex-gateways/tokens';
import { BatchedLookup } from '../batched-lookup.ts';
import type { ClientMetadata } from './client-metadata.ts';
import {
  findTicketHolders,
  insertRegistration,
  type Ticket,
  type TicketHolder,
} from './executor-registrations-store.ts';
import type { Generation } from './generation.ts';
import { findReachableExecutor, findRegisteredExecutor, type ReachableExecutor } from './live-registrations-store.ts';

export type { TicketHolder } from './executor-registrations-store.ts';
export type { LiveConnection, ReachableExecutor } from './live-registrations-store.ts';

export type Registration =
  | {
      readonly kind: 'registered';
      readonly registrationId: string;
      readonly generation: Generation;
      readonly ticket: string;
      /** Two processes have been taking this executor's place from each other. */
      readonly isInDuel: boolean;
    }
  | { readonly kind: 'unknown_executor' | 'not_owner' | 'too_many' };

/** What executors register, and what is asked about it later. */
export class Registrations {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #ticketSecret: string;
  readonly #ticketLifetimeSeconds: number;
  readonly #ticketHolders: BatchedLookup<Ticket, TicketHolder>;

  constructor({
    db,
    clock,
    ticketSecret,
    ticketLifetimeSeconds,
  }: {
    db: Queryable;
    clock: Clock;
    ticketSecret: string;
    ticketLifetimeSeconds: number;
  }) {
    this.#db = db;
    this.#clock = clock;
    this.#ticketSecret = ticketSecret;
    this.#ticketLifetimeSeconds = ticketLifetimeSeconds;
    this.#ticketHolders = new BatchedLookup((tickets) => findTicketHolders(db, tickets));
  }

  /**
   * Registers one run of an executor for its owner and mints the ticket for its WebSocket.
   * @param registration.publicKey - undefined for a legacy executor
   */
  async register(registration: {
    exeId: string;
    userId: string;
    publicKey: NoisePublicKey | undefined;
    client: ClientMetadata;
    requestId: string;
  }): Promise<Registration> {
    const registrationId = `reg_${randomUUID()}`;
    const outcome = await insertRegistration(this.#db, {
      ...registration,
      registrationId,
      ticketExpiresAtSeconds: this.#clock.nowSeconds() + this.#ticketLifetimeSeconds,
    });
    if (outcome.kind !== 'registered') return outcome;
    return {
      kind: 'registered',
      registrationId,
      generation: registration.publicKey ? 'noise' : 'legacy',
      isInDuel: outcome.isInDuel,
      ticket: mintWsTicket(registration.exeId, outcome.ticketExpiresAtSeconds, this.#ticketSecret),
    };
  }

  /** Who may connect with a verified ticket; undefined when the executor no longer exists. */
  ticketHolder(ticket: Ticket): Promise<TicketHolder | undefined> {
    return this.#ticketHolders.find(ticket);
  }

  /** Whether a workspace may reach an executor, and how. */
  reachable(who: { exeId: string; workspaceId: string }): Promise<ReachableExecutor> {
    return findReachableExecutor(this.#db, who);
  }

  /** Owner, live registration and binding of an executor; undefined when there is none. */
  registered(who: { exeId: string; workspaceId: string }) {
    return findRegisteredExecutor(this.#db, who);
  }
}
