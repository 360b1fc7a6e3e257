import type { CloseCodeName } from '@codex-gateways/service';
import type { ExecutorConnection } from './executor-connection.ts';

/** The executors whose WebSockets this replica holds: at most one connection each, the newest. */
export class LocalExecutors {
  readonly #byExeId = new Map<string, ExecutorConnection>();

  get size(): number {
    return this.#byExeId.size;
  }

  get(exeId: string): ExecutorConnection | undefined {
    return this.#byExeId.get(exeId);
  }

  [Symbol.iterator](): IterableIterator<ExecutorConnection> {
    return this.#byExeId.values();
  }

  /** Takes a connection in and closes the one it replaces; one that is itself older is closed instead. */
  add(connection: ExecutorConnection): void {
    const { exeId, connectionNumber } = connection.identity;
    const other = this.#byExeId.get(exeId);
    if (other && other.identity.connectionNumber > connectionNumber) {
      connection.close('replaced', 'a newer connection of this executor is open');
      return;
    }
    this.#byExeId.set(exeId, connection);
    other?.close('replaced', 'a newer connection of this executor has opened');
  }

  /** Forgets a connection that is over; a newer one of the same executor stays. */
  remove(connection: ExecutorConnection): void {
    const { exeId } = connection.identity;
    if (this.#byExeId.get(exeId) === connection) this.#byExeId.delete(exeId);
  }

  /** Closes the connection of an executor that may not be here any more. */
  dismiss(exeId: string, why: 'deleted' | 'disconnected'): void {
    const reason = why === 'deleted' ? 'the executor was deleted' : 'its credentials no longer hold; register again';
    this.close(exeId, 'unauthorized', reason);
  }

  /** Closes an executor's connection, if it is here. */
  close(exeId: string, name: CloseCodeName, reason: string): void {
    this.#byExeId.get(exeId)?.close(name, reason);
  }

  /** Closes the connection here if it is older than one that opened elsewhere. */
  closeOlder(exeId: string, connectionNumber: bigint): void {
    const connection = this.#byExeId.get(exeId);
    if (connection && connection.identity.connectionNumber < connectionNumber) {
      connection.close('replaced', 'a newer connection of this executor has opened');
    }
  }
}
