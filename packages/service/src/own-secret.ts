import { z } from 'zod';
import type { Logger } from './logger.ts';
import { SECRET_REFUSED } from './secrets.ts';

/** Each call would make a line. */
const LOG_INTERVAL_MS = 60_000;
const refusalSchema = z.union([
  z.object({ error: z.literal(SECRET_REFUSED) }),
  z.object({ error: z.object({ code: z.literal(SECRET_REFUSED) }) }),
]);

export interface OwnSecretDeps {
  readonly log: Pick<Logger, 'error'>;
  /** A steady clock. */
  readonly nowMs: () => number;
  /** The environment variable that holds the secret. */
  readonly variable: string;
  /** What comes of a refusal, for whoever reads the log. */
  readonly consequence: string;
}

/** @param body - of an answer with status 401. Whether it has the words of `requireInternalSecret`, which are not about a bearer. */
export function isSecretRefusal(body: unknown): boolean {
  return refusalSchema.safeParse(body).success;
}

/**
 * Whether codex-auth knows the secret that this service shows it. It refuses bearers and strangers with the same status,
 * and a client is told no more than that; what is wrong with the service itself is for who runs it.
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

  /** The service was let in. */
  taken(): void {
    this.#isRefused = false;
  }

  /** Takes note of a refusal, and says so in the log once a minute. @param body - of an answer with status 401 */
  unauthorized(body: unknown): void {
    this.#isRefused = isSecretRefusal(body);
    const { log, nowMs, variable, consequence } = this.#deps;
    if (!this.#isRefused || nowMs() - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    this.#loggedAtMs = nowMs();
    log.error({ variable }, `codex-auth refuses the secret of this service, so ${consequence}`);
  }
}
