import type { Sealer } from '@codex-gateways/crypto';
import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import {
  activatePendingKey,
  announceKeysChanged,
  deleteKey,
  deleteUnneededKeys,
  insertActiveKey,
  insertPendingKey,
  type KeyStatus,
  listKeys,
  lockKeys,
  type NewKey,
  retireActiveKey,
  type StoredKey,
} from './jwks-key-store.ts';
import { makeSealedKey } from './key-sealing.ts';
import { listPublishedKeys, type PublishedKey } from './published-keys.ts';

export interface KeyRotationDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** For so long a key is published before it signs. */
  readonly activationDelaySeconds: number;
  /** The age at which a key stops signing; undefined to rotate by command alone. */
  readonly intervalSeconds: number | undefined;
  /** Of access and ID tokens. */
  readonly accessTokenLifetimeSeconds: number;
}

/** Who asked for a change; undefined for the schedule. */
export interface KeyChangeBy {
  readonly userId: string;
  readonly origin: RequestOrigin;
}

/** Replicas learn of a change by a message, or else within some seconds: until then they may sign with the key before. */
const PROPAGATION_SECONDS = 60;

/**
 * Changes the issuer's keys. A key is pending (published), then active (signs), then retired (published until all that it signed
 * has expired), then gone. Every change is one transaction with the keys locked, so it happens once, whichever replicas try.
 */
export class KeyRotation {
  readonly #deps: KeyRotationDeps;

  constructor(deps: KeyRotationDeps) {
    this.#deps = deps;
  }

  list(): Promise<PublishedKey[]> {
    return listPublishedKeys(this.#deps);
  }

  /**
   * Publishes a key that is to sign after the activation delay, or with `immediate` at once. One that is pending already is
   * taken instead of another.
   * @returns its id, and whether this call made it
   */
  async rotate({ by, immediate = false }: { by?: KeyChangeBy; immediate?: boolean } = {}) {
    const made = await makeSealedKey(this.#deps.sealer);
    return this.#change(async (tx) => {
      const pending = (await listKeys(tx)).find((key) => key.status === 'pending');
      const kid = pending?.kid ?? made.kid;
      if (!pending) await this.#publish(tx, made, by);
      if (immediate) await this.#activate(tx, by);
      return { kid, isNew: !pending };
    });
  }

  /**
   * Takes a compromised key out of use at once: nothing that it signed is valid any more. In place of the active key the
   * pending one signs, or a fresh one.
   * @returns what it was, and how many live Agent Identity JWTs the CLI will refuse from now on; undefined for an unknown key
   */
  async withdraw(
    kid: string,
    by: KeyChangeBy,
  ): Promise<{ status: KeyStatus; agentIdentities: number; activeKid: string | undefined } | undefined> {
    const key = (await this.list()).find((each) => each.kid === kid);
    if (!key) return undefined;
    const { sealer, clock } = this.#deps;
    const spare = key.status === 'retired' ? undefined : await makeSealedKey(sealer);
    return this.#change(async (tx) => {
      const status = await deleteKey(tx, kid);
      if (!status) return undefined;
      const { agentIdentities } = key;
      await this.#record(tx, 'withdrawn', kid, { by, details: { status, agent_identities: agentIdentities } });
      let activeKid: string | undefined;
      if (status === 'active') {
        activeKid = await activatePendingKey(tx, clock.now());
        if (activeKid === undefined && spare) {
          await insertActiveKey(tx, spare, clock.now());
          activeKid = spare.kid;
        }
        if (activeKid !== undefined) await this.#record(tx, 'activated', activeKid, { by });
      }
      return { status, agentIdentities, activeKid };
    });
  }

  /** Does what is due by the clock: every replica asks, one does it. */
  async tick(): Promise<void> {
    const { pool, clock } = this.#deps;
    const keys = await listKeys(pool);
    const now = clock.now();
    if (isActivationDue(keys, now)) await this.#change((tx) => this.#activateDue(tx));
    if (this.#isRotationDue(keys, now)) await this.#rotateDue();
    if (keys.some(({ publishedUntil }) => publishedUntil !== undefined && publishedUntil <= now)) {
      await this.#removeUnneeded();
    }
  }

  async #activateDue(tx: Queryable): Promise<void> {
    if (isActivationDue(await listKeys(tx), this.#deps.clock.now())) await this.#activate(tx, undefined);
  }

  async #rotateDue(): Promise<void> {
    const made = await makeSealedKey(this.#deps.sealer);
    await this.#change(async (tx) => {
      const isDue = this.#isRotationDue(await listKeys(tx), this.#deps.clock.now());
      if (isDue) await this.#publish(tx, made, undefined);
    });
  }

  /** So early that the active key stops signing at the age of the interval. */
  #isRotationDue(keys: readonly StoredKey[], now: Date): boolean {
    const { intervalSeconds, activationDelaySeconds } = this.#deps;
    if (intervalSeconds === undefined || keys.some((key) => key.status === 'pending')) return false;
    const activatedAt = keys.find((key) => key.status === 'active')?.activatedAt ?? now;
    return now >= addSeconds(activatedAt, Math.max(intervalSeconds - activationDelaySeconds, 0));
  }

  async #removeUnneeded(): Promise<void> {
    const { pool, clock } = this.#deps;
    await transaction(pool, async (tx) => {
      const removed = await deleteUnneededKeys(tx, clock.now());
      for (const kid of removed) await this.#record(tx, 'removed', kid, {});
      if (removed.length > 0) await announceKeysChanged(tx);
    });
  }

  async #publish(tx: Queryable, key: NewKey, by: KeyChangeBy | undefined): Promise<void> {
    const { clock, activationDelaySeconds } = this.#deps;
    const now = clock.now();
    await insertPendingKey(tx, key, { now, activatesAt: addSeconds(now, activationDelaySeconds) });
    await this.#record(tx, 'published', key.kid, { by });
  }

  async #activate(tx: Queryable, by: KeyChangeBy | undefined): Promise<void> {
    const { clock, accessTokenLifetimeSeconds } = this.#deps;
    const now = clock.now();
    const publishedUntil = addSeconds(now, accessTokenLifetimeSeconds + PROPAGATION_SECONDS);
    const retired = await retireActiveKey(tx, { now, publishedUntil });
    if (retired !== undefined) await this.#record(tx, 'retired', retired, { by });
    const activated = await activatePendingKey(tx, now);
    if (activated === undefined) throw new TypeError('a key is activated after it was published');
    await this.#record(tx, 'activated', activated, { by });
  }

  #change<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    return transaction(this.#deps.pool, async (tx) => {
      await lockKeys(tx);
      const result = await work(tx);
      await announceKeysChanged(tx);
      return result;
    });
  }

  #record(
    tx: Queryable,
    what: 'published' | 'activated' | 'retired' | 'removed' | 'withdrawn',
    kid: string,
    { by, details = {} }: { by?: KeyChangeBy | undefined; details?: Record<string, string | number> },
  ): Promise<void> {
    const subject = { action: `signing_key.${what}`, subjectType: 'signing_key', subjectId: kid };
    return this.#deps.audit.record({ ...subject, actorUserId: by?.userId, ...by?.origin, details }, tx);
  }
}

function isActivationDue(keys: readonly StoredKey[], now: Date): boolean {
  return keys.some(({ activatesAt }) => activatesAt !== undefined && activatesAt <= now);
}

function addSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}
