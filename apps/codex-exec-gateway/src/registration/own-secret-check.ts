import { withinDeadline } from '@codex-gateways/runtime';
import {
  type InternalAnswer,
  type InternalClient,
  isSecretRefusal,
  NotReadyError,
  type OwnSecret,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import { ACTIVE_USERS_PATH } from '../executors/owner-check.ts';

/** How long an answer counts for readiness. */
const ASK_INTERVAL_MS = 1000;
/** Below what whoever checks readiness waits for. */
const READINESS_TIMEOUT_MS = 500;

/**
 * Whether codex-auth takes the secret of this gateway. Credentials and the secret are refused with the same status, and a server in
 * the place of codex-auth may use the same word for both. So it is asked for something that shows the secret alone: about no users at all.
 */
export class OwnSecretCheck {
  readonly #client: Pick<InternalClient, 'request'>;
  readonly #ownSecret: OwnSecret;
  #asked: { readonly untilMs: number; readonly done: Promise<void> } | undefined;

  constructor(client: Pick<InternalClient, 'request'>, ownSecret: OwnSecret) {
    this.#client = client;
    this.#ownSecret = ownSecret;
  }

  /**
   * Whether an answer with status 401 is about this gateway, and says nothing of the credentials that were shown with the secret.
   * @throws {ServiceUnavailableError} when that cannot be told now
   */
  async isMeant({ body }: InternalAnswer, signal?: AbortSignal): Promise<boolean> {
    if (!isSecretRefusal(body)) {
      this.#ownSecret.taken();
      return false;
    }
    const { status } = await this.#askAboutNobody(signal);
    // A server without that question is not codex-auth, and means what it said by a status.
    if (status !== 200 && status !== 401) {
      this.#ownSecret.taken();
      return false;
    }
    this.#ownSecret.unauthorized(body);
    // Another replica of codex-auth refuses, while the secret is being replaced.
    if (status === 200) this.#ownSecret.taken();
    return true;
  }

  /** Codex-auth let this gateway in. */
  taken(): void {
    this.#ownSecret.taken();
  }

  /**
   * That codex-auth is away is no reason not to be ready: live streams, bridges and tickets do without it.
   * @throws {NotReadyError} while it refuses the secret, so that executors are sent to a replica that can register them
   */
  async checkReady(): Promise<void> {
    const nowMs = performance.now();
    if (!this.#asked || this.#asked.untilMs < nowMs) {
      this.#asked = { untilMs: nowMs + ASK_INTERVAL_MS, done: this.#ask() };
    }
    await this.#asked.done;
    if (this.#ownSecret.isRefused) throw new NotReadyError('secret_refused');
  }

  async #ask(): Promise<void> {
    try {
      const { status, body } = await withinDeadline({ timeoutMs: READINESS_TIMEOUT_MS, other: undefined }, (signal) =>
        this.#askAboutNobody(signal),
      );
      if (status === 401) this.#ownSecret.unauthorized(body);
      else this.#ownSecret.taken();
    } catch {
      // What was known last stays.
    }
  }

  async #askAboutNobody(signal?: AbortSignal): Promise<InternalAnswer> {
    const body = { user_ids: [] };
    const answer = await this.#client.request({
      ...{ method: 'POST', path: ACTIVE_USERS_PATH, body },
      ...(signal ? { signal } : {}),
    });
    if (answer.status < 500) return answer;
    throw new ServiceUnavailableError(`${ACTIVE_USERS_PATH} answered ${answer.status}`);
  }
}
