import { HttpError } from '@codex-gateways/service';

/** How many turns run for each workspace, and how many may. */
export class TurnPlaces {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns gives the place back; to be called once
   * @throws {HttpError} 429 when there is none
   */
  take(workspaceId: string): () => void {
    const taken = this.#taken.get(workspaceId) ?? 0;
    if (taken >= this.#limit) {
      throw new HttpError(429, 'too_many_turns', 'this workspace has as many turns under way as it may have', {
        headers: { 'Retry-After': '5' },
      });
    }
    this.#taken.set(workspaceId, taken + 1);
    return () => {
      const left = (this.#taken.get(workspaceId) ?? 1) - 1;
      if (left > 0) this.#taken.set(workspaceId, left);
      else this.#taken.delete(workspaceId);
    };
  }
}
