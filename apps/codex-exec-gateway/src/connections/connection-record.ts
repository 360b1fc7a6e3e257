import type { Queryable } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import {
  type AnnouncedConnection,
  announceConnections,
  type EndReason,
  withdrawConnections,
} from './executor-connections-store.ts';
import { deleteReplica, type ReplicaIdentity, renewLease, takeFirstLease } from './replicas-store.ts';

/** How many connections one statement announces or withdraws. */
const BATCH_SIZE = 500;

/** A replica, and how many connections of each executor its history keeps. */
export type RecordingReplica = ReplicaIdentity & { readonly leaseSeconds: number; readonly historyLength: number };

interface Announcement {
  readonly connection: AnnouncedConnection;
  resolve(connectionNumber: bigint | undefined): void;
  reject(error: unknown): void;
}

/**
 * Keeps the database's record of this replica and its connections. One statement is under way at a time and takes along
 * all that has queued up meanwhile, so that thousands of executors that come back together cost a few statements. What
 * could not be withdrawn is tried again with every lease renewal.
 */
export class ConnectionRecord {
  readonly #db: Queryable;
  readonly #replica: RecordingReplica;
  readonly #log: Logger;
  readonly #onBeaten: (connection: Pick<AnnouncedConnection, 'exeId' | 'connectionId'>) => void;
  /** By executor: a statement cannot announce two connections of one. */
  readonly #announcements = new Map<string, Announcement>();
  readonly #withdrawals = new Map<string, EndReason>();
  readonly #recordedOfExecutor = new Map<string, AnnouncedConnection>();
  /** The record may lack connections: others took this replica for dead, and not all are announced again yet. */
  #isConfirmationDue = false;
  #writing: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onBeaten - the database knows a newer connection of that executor, or no such executor */
  constructor({
    db,
    replica,
    log,
    onBeaten,
  }: {
    db: Queryable;
    replica: RecordingReplica;
    log: Logger;
    onBeaten: (connection: Pick<AnnouncedConnection, 'exeId' | 'connectionId'>) => void;
  }) {
    this.#db = db;
    this.#replica = replica;
    this.#log = log;
    this.#onBeaten = onBeaten;
  }

  /** Takes the first lease and keeps it. */
  async start(renewalMs: number): Promise<void> {
    const sharers = await takeFirstLease(this.#db, this.#replica);
    if (sharers.length > 0) {
      this.#log.warn(
        { internal_url: this.#replica.internalUrl, hosts: sharers },
        'CXG_SELF_INTERNAL_URL is also that of a replica on another host. If both run, it leads to either of them, and bridges to executors of the other may be refused: give each replica an address of its own',
      );
    }
    this.#timer = setInterval(() => {
      this.#renewing ??= this.#renew().finally(() => {
        this.#renewing = undefined;
      });
    }, renewalMs);
    this.#timer.unref();
  }

  /**
   * Puts a new connection on record as its executor's newest.
   * @returns its number; undefined when a newer one came first or the executor does not exist
   * @throws when the database is away
   */
  announce(connection: Omit<AnnouncedConnection, 'connectionNumber'>): Promise<bigint | undefined> {
    return new Promise((resolve, reject) => {
      this.#announcements.get(connection.exeId)?.resolve(undefined);
      this.#announcements.set(connection.exeId, {
        connection: { ...connection, connectionNumber: undefined },
        resolve,
        reject,
      });
      this.#write();
    });
  }

  /** Takes a connection off the record, at once or as soon as the database is back. */
  withdraw({ exeId, connectionId }: { exeId: string; connectionId: string }, reason: EndReason): void {
    if (this.#recordedOfExecutor.get(exeId)?.connectionId === connectionId) this.#recordedOfExecutor.delete(exeId);
    this.#withdrawals.set(connectionId, reason);
    this.#write();
  }

  /** Compares all connections with the record, in case news of newer ones or of deleted executors got lost. */
  confirm(): void {
    this.#confirm().catch((error: unknown) => this.#log.warn({ err: error }, 'connections could not be confirmed'));
  }

  /** Gives the lease back. What is still on record goes with it. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    await this.#writing;
    await deleteReplica(this.#db, this.#replica.replicaId);
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#announcements.size > 0) this.#write();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#announcements.size > 0 || this.#withdrawals.size > 0) {
      if (this.#announcements.size > 0) await this.#announceBatch();
      if (this.#withdrawals.size > 0 && !(await this.#withdrawBatch())) return;
    }
  }

  async #announceBatch(): Promise<void> {
    const batch = [...this.#announcements.values()].slice(0, BATCH_SIZE);
    for (const { connection } of batch) this.#announcements.delete(connection.exeId);
    try {
      const { numbers, isReplicaNew } = await announceConnections(
        this.#db,
        this.#replica,
        batch.map(({ connection }) => connection),
      );
      if (isReplicaNew) {
        this.#takenForDead();
        this.confirm();
      }
      for (const { connection, resolve } of batch) {
        const connectionNumber = numbers.get(connection.connectionId);
        if (connectionNumber) this.#recordedOfExecutor.set(connection.exeId, { ...connection, connectionNumber });
        resolve(connectionNumber ? BigInt(connectionNumber) : undefined);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #withdrawBatch(): Promise<boolean> {
    const batch = [...this.#withdrawals]
      .slice(0, BATCH_SIZE)
      .map(([connectionId, reason]) => ({ connectionId, reason }));
    try {
      await withdrawConnections(this.#db, batch);
    } catch (error) {
      this.#log.warn({ err: error, waiting: this.#withdrawals.size }, 'closed connections stay on record for now');
      return false;
    }
    for (const { connectionId } of batch) this.#withdrawals.delete(connectionId);
    return true;
  }

  async #renew(): Promise<void> {
    try {
      if (await renewLease(this.#db, this.#replica)) this.#takenForDead();
      if (this.#isConfirmationDue) await this.#confirm();
    } catch (error) {
      this.#log.warn({ err: error }, 'the lease of this replica could not be renewed');
      return;
    }
    if (this.#withdrawals.size > 0) this.#write();
  }

  /** What was on record went with the replica's row; what cannot be put back at once is tried again with every renewal. */
  #takenForDead(): void {
    this.#log.warn('this replica was taken for dead; announcing its connections again');
    this.#isConfirmationDue = true;
  }

  async #confirm(): Promise<void> {
    this.#isConfirmationDue = false;
    try {
      await this.#announceAll();
    } catch (error) {
      this.#isConfirmationDue = true;
      throw error;
    }
  }

  async #announceAll(): Promise<void> {
    const all = [...this.#recordedOfExecutor.values()];
    for (let start = 0; start < all.length; start += BATCH_SIZE) {
      const batch = all.slice(start, start + BATCH_SIZE);
      const { numbers, isReplicaNew } = await announceConnections(this.#db, this.#replica, batch);
      if (isReplicaNew && start > 0) this.#takenForDead(); // the batches before this one went with the row
      for (const connection of batch) {
        const isStillOurs = this.#recordedOfExecutor.get(connection.exeId) === connection;
        if (isStillOurs && !numbers.has(connection.connectionId)) this.#onBeaten(connection);
      }
    }
  }
}
