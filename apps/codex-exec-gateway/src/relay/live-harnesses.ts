import type { CloseCodeName } from '@codex-gateways/service';
import type { HarnessAdmission } from './harness-connection.ts';

/** An open bridge, whether its executor is connected here or to another replica. */
export interface LiveBridge {
  readonly admission: HarnessAdmission;
  close(name: CloseCodeName, reason: string): void;
}

/** Every bridge of this replica, found by turn: what a revocation has to close. */
export class LiveHarnesses {
  readonly #byTurn = new Map<string, Set<LiveBridge>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(harness: LiveBridge): void {
    const { turnId } = harness.admission;
    const ofTurn = this.#byTurn.get(turnId) ?? new Set();
    this.#byTurn.set(turnId, ofTurn.add(harness));
    this.#size += 1;
  }

  remove(harness: LiveBridge): void {
    const { turnId } = harness.admission;
    const ofTurn = this.#byTurn.get(turnId);
    if (!ofTurn?.delete(harness)) return;
    this.#size -= 1;
    if (ofTurn.size === 0) this.#byTurn.delete(turnId);
  }

  *[Symbol.iterator](): Generator<LiveBridge> {
    for (const ofTurn of this.#byTurn.values()) yield* ofTurn;
  }

  /** Closes every bridge of a turn, at once. */
  closeTurn(turnId: string): void {
    for (const harness of [...(this.#byTurn.get(turnId) ?? [])]) harness.close('turnRevoked', 'the turn was revoked');
  }

  /** Closes the bridges from one workspace to one executor. */
  closeBinding({ workspaceId, exeId }: { workspaceId: string; exeId: string }): void {
    this.#closeWhere(
      ({ admission }) => admission.workspaceId === workspaceId && admission.exeId === exeId,
      'unauthorized',
      'the executor no longer belongs to the workspace',
    );
  }

  /** Closes the bridges whose capability has ended: a socket outlives the check that admitted it. */
  closeExpired(nowSeconds: number): void {
    this.#closeWhere(
      ({ admission }) => admission.expiresAtSeconds <= nowSeconds,
      'unauthorized',
      'the capability token of the turn has expired',
    );
  }

  #closeWhere(matches: (harness: LiveBridge) => boolean, name: CloseCodeName, reason: string): void {
    for (const harness of [...this].filter(matches)) harness.close(name, reason);
  }
}
