import { HttpError } from '@codex-gateways/service';
import type { Closing } from './close-forwarding.ts';

/** One client that is connected, as far as everybody but its proxy is concerned. */
export interface ClientConnection {
  /** Ends the connection; the first closing is the one that the client is told. */
  close(how: Closing): void;
  /** Settles when it is over. */
  readonly closed: Promise<Closing>;
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
}

/** Who is connected, or about to be, and how many may be. */
export class ConnectionRegistry {
  readonly #limits: { readonly maxConnections: number; readonly maxConnectionsPerWorkspace: number };
  readonly #byWorkspace = new Map<string, number>();
  readonly #connections = new Set<ClientConnection>();
  #total = 0;

  constructor(limits: { maxConnections: number; maxConnectionsPerWorkspace: number }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#connections.size;
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.bufferedBytes;
    return bytes;
  }

  /**
   * Takes a place for a connection that is being made.
   * @returns gives the place back; safe to call twice
   * @throws {HttpError} 503 or 429 when there is none
   */
  reserve(workspaceId: string): () => void {
    const inWorkspace = this.#byWorkspace.get(workspaceId) ?? 0;
    if (this.#total >= this.#limits.maxConnections) {
      throw new HttpError(503, 'too_many_connections', 'this gateway has as many connections as it takes', RETRY);
    }
    if (inWorkspace >= this.#limits.maxConnectionsPerWorkspace) {
      throw new HttpError(429, 'too_many_connections', 'this workspace has as many connections as it may have', RETRY);
    }
    this.#total += 1;
    this.#byWorkspace.set(workspaceId, inWorkspace + 1);
    let isHeld = true;
    return () => {
      if (isHeld) this.#giveBack(workspaceId);
      isHeld = false;
    };
  }

  /** @param giveBack - of the place that was reserved for it */
  add(connection: ClientConnection, giveBack: () => void): void {
    this.#connections.add(connection);
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      giveBack();
    });
  }

  /** Settles when all are closed. */
  async closeAll(how: Closing): Promise<void> {
    await Promise.all(
      [...this.#connections].map((connection) => {
        connection.close(how);
        return connection.closed;
      }),
    );
  }

  #giveBack(workspaceId: string): void {
    this.#total -= 1;
    const left = (this.#byWorkspace.get(workspaceId) ?? 1) - 1;
    if (left > 0) this.#byWorkspace.set(workspaceId, left);
    else this.#byWorkspace.delete(workspaceId);
  }
}

const RETRY = { headers: { 'Retry-After': '30' } };
