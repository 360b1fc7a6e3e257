import type { Pool } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import type { DcrCredentialStore } from './dcr-credentials.ts';
import { type DcrKey, dcrKeyId } from './dcr-key.ts';
import { withRegistrationLock } from './registration-lock-store.ts';
import type { RegistrationObserver } from './registration-metrics.ts';
import type { UpstreamClientResolution } from './upstream-client.ts';

/** The age at which a registration should be made anew: its secret is as old. */
const STALE_AFTER_DAYS = 90;

const DAY_MS = 86_400_000;
/** For so long a failed registration is not tried again: people without a session can cause one. */
const RETRY_AFTER_MS = 10_000;
/** Of other replicas, with what they do around asking. */
const LOCK_MARGIN_MS = 10_000;

export interface UpstreamRegistrationsDeps {
  /** Of the database whose lock all replicas take, wherever the registrations are kept. */
  readonly pool: Pool;
  readonly store: DcrCredentialStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: RegistrationObserver;
  /** Of one registration, discovery included. */
  readonly timeoutMs: number;
}

interface Wanted {
  /** Of the configuration entry, for the log. */
  readonly name: string;
  readonly key: DcrKey;
  /** Asks the upstream. */
  register(): Promise<UpstreamClientResolution>;
}

/** The registrations of this server: each made at first need, once across concurrent requests and replicas. */
export class UpstreamRegistrations {
  readonly #deps: UpstreamRegistrationsDeps;
  readonly #flights = new Map<string, Promise<UpstreamClientResolution>>();
  readonly #failures = new Map<string, { readonly error: unknown; readonly untilMs: number }>();
  /** Made, and not stored, since the store failed. */
  readonly #unsaved = new Map<string, UpstreamClientResolution>();
  readonly #warnedAtMs = new Map<string, number>();
  /** A registration holds a connection and needs another one: one at a time, or they could wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: UpstreamRegistrationsDeps) {
    this.#deps = deps;
  }

  /** @throws what `register` throws; the same again, without asking, for ten seconds */
  async ensure(wanted: Wanted): Promise<UpstreamClientResolution> {
    const id = dcrKeyId(wanted.key);
    const stored = await this.#deps.store.get(wanted.key);
    const resolution = stored && this.#isUsable(stored) ? stored : await this.#join(id, wanted);
    this.#observeAge(id, wanted.name, resolution);
    return resolution;
  }

  #isUsable({ clientSecretExpiresAt }: UpstreamClientResolution): boolean {
    return clientSecretExpiresAt === undefined || clientSecretExpiresAt > this.#deps.clock.now();
  }

  async #join(id: string, wanted: Wanted): Promise<UpstreamClientResolution> {
    const failure = this.#failures.get(id);
    if (failure && failure.untilMs > this.#nowMs()) throw failure.error;
    const flight = this.#flights.get(id) ?? this.#fly(id, wanted);
    this.#flights.set(id, flight);
    return flight;
  }

  #fly(id: string, wanted: Wanted): Promise<UpstreamClientResolution> {
    const run = this.#turn.then(() => this.#registerOnce(id, wanted));
    this.#turn = run.catch(() => undefined);
    return run
      .catch((error: unknown) => {
        this.#failures.set(id, { error, untilMs: this.#nowMs() + RETRY_AFTER_MS });
        this.#deps.observer.registrationEnded(wanted.name, error);
        throw error;
      })
      .finally(() => this.#flights.delete(id));
  }

  async #registerOnce(id: string, wanted: Wanted): Promise<UpstreamClientResolution> {
    const { pool, store, timeoutMs } = this.#deps;
    const waitMs = timeoutMs + LOCK_MARGIN_MS;
    return withRegistrationLock(pool, { id, waitMs }, async () => {
      const stored = await store.get(wanted.key);
      if (stored && this.#isUsable(stored)) return stored;
      const resolution = this.#unsaved.get(id) ?? (await this.#register(wanted));
      this.#unsaved.set(id, resolution);
      await store.put(wanted.key, resolution);
      this.#unsaved.delete(id);
      return resolution;
    });
  }

  async #register({ name, register }: Wanted): Promise<UpstreamClientResolution> {
    const resolution = await register();
    const { clientId, registrationClientUri, clientSecretExpiresAt } = resolution;
    this.#deps.observer.registrationEnded(name);
    this.#deps.log.info(
      { upstream: name, client_id: clientId, registration_client_uri: registrationClientUri, clientSecretExpiresAt },
      'registered as a client of an upstream',
    );
    return resolution;
  }

  #observeAge(id: string, upstream: string, { clientId, createdAt }: UpstreamClientResolution): void {
    const nowMs = this.#nowMs();
    const ageMs = nowMs - createdAt.getTime();
    this.#deps.observer.registrationUsed(upstream, ageMs / 1000);
    const isDue = nowMs - (this.#warnedAtMs.get(id) ?? Number.NEGATIVE_INFINITY) >= DAY_MS;
    if (ageMs <= STALE_AFTER_DAYS * DAY_MS || !isDue) return;
    this.#warnedAtMs.set(id, nowMs);
    this.#deps.log.warn(
      { upstream, client_id: clientId, age_days: Math.floor(ageMs / DAY_MS) },
      `the registration at an upstream is older than ${STALE_AFTER_DAYS} days; its secret should be renewed`,
    );
  }

  #nowMs(): number {
    return this.#deps.clock.now().getTime();
  }
}
