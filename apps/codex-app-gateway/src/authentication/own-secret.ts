import type { Logger } from '@codex-gateways/service';
import { z } from 'zod';

/** Each connection would make a line. */
const LOG_INTERVAL_MS = 60_000;
const REFUSED = 'unauthorized';
const refusalSchema = z.union([
  z.object({ error: z.literal(REFUSED) }),
  z.object({ error: z.object({ code: z.literal(REFUSED) }) }),
]);

export interface OwnSecretDeps {
  readonly log: Pick<Logger, 'error'>;
  /** A steady clock. */
  readonly nowMs: () => number;
}

/**
 * Whether codex-auth knows the secret that this gateway shows it. It refuses bearers and strangers with the same status,
 * and a client is told no more than that; what is wrong with the gateway itself is for who runs it.
 */
export class OwnSecret {
  readonly #deps: OwnSecretDeps;
  #isRefused = false;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: OwnSecretDeps) {
    this.#deps = deps;
  }

  /** As far as the last answer tells. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The gateway was let in. */
  taken(): void {
    this.#isRefused = false;
  }

  /** @param body - of an answer with status 401 */
  unauthorized(body: unknown): void {
    this.#isRefused = refusalSchema.safeParse(body).success;
    const nowMs = this.#deps.nowMs();
    if (!this.#isRefused || nowMs - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    this.#loggedAtMs = nowMs;
    this.#deps.log.error(
      { variable: 'CXG_AGENTSERVER_INTERNAL_SECRET' },
      'codex-auth refuses the secret of this gateway, so everybody who connects is refused',
    );
  }
}
