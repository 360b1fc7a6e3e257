import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@codex-gateways/service';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { readEvents, type StreamEvent } from './event-stream.ts';

const PATH = '/internal/codex-auth/revocations';
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/** For a service that may learn of the stream with its next version. */
const UNKNOWN_RETRY_MS = 600_000;
const ANSWER_TIMEOUT_MS = 10_000;
// Three comments of the other side.
const SILENCE_MS = 45_000;

const noticeSchema = z
  .object({
    user_id: z.string().optional(),
    workspace_id: z.string().optional(),
    remote_token_id: z.string().optional(),
  })
  .transform((notice) => ({
    userId: notice.user_id,
    workspaceId: notice.workspace_id,
    remoteTokenId: notice.remote_token_id,
  }));

/** Whose access has ended; what is undefined is not narrowed down. */
export type AccessEnding = z.infer<typeof noticeSchema>;

export interface RevocationStreamDeps {
  /** Base of codex-auth. */
  readonly url: string;
  readonly secret: string;
  readonly onEnding: (ending: AccessEnding) => void;
  /** Notices may have been missed. */
  readonly onMissed: () => void;
  readonly log: Logger;
}

/**
 * Hears from codex-auth whose access has ended, over one long answer that is asked for again whenever it ends. A service that has no
 * such stream is asked again every ten minutes. What is heard is a reason to verify tokens, and proves nothing by itself.
 */
export class RevocationStream {
  readonly #deps: RevocationStreamDeps;
  readonly #agent = new Agent({ headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: SILENCE_MS });
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #isConnected = false;
  #lastTrouble = '';

  constructor(deps: RevocationStreamDeps) {
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)) {
      const outcome = await this.#readOnce().catch((error: unknown) => ({ trouble: String(error) }));
      if (this.#isConnected) retryMs = FIRST_RETRY_MS;
      this.#isConnected = false;
      if (!signal.aborted) this.#report(outcome.trouble);
      const pauseMs = outcome.trouble === NOT_OFFERED ? UNKNOWN_RETRY_MS : retryMs * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns why it ended, unless the other side ended it in order */
  async #readOnce(): Promise<{ trouble: string }> {
    const { url, secret } = this.#deps;
    const answer = await request(`${url.replace(/\/+$/, '')}${PATH}`, {
      headers: { accept: 'text/event-stream', 'x-internal-secret': secret },
      dispatcher: this.#agent,
      signal: this.#closing.signal,
    });
    const type = String(answer.headers['content-type'] ?? '');
    if (answer.statusCode !== 200 || !type.startsWith('text/event-stream')) {
      void answer.body.dump().catch(() => undefined);
      return { trouble: answer.statusCode === 404 ? NOT_OFFERED : `it answered ${answer.statusCode} ${type}` };
    }
    for await (const event of readEvents(answer.body)) this.#hear(event);
    return { trouble: '' };
  }

  #hear({ name, data }: StreamEvent): void {
    if (name === 'ready') {
      this.#isConnected = true;
      this.#lastTrouble = '';
      this.#deps.onMissed(); // whatever there was before
      this.#deps.log.info('told of revocations');
    }
    if (name === 'missed') this.#deps.onMissed();
    if (name === 'revoked') this.#deps.onEnding(noticeSchema.parse(JSON.parse(data)));
  }

  /** Each trouble once, however often it comes again. */
  #report(trouble: string): void {
    if (trouble === '' || trouble === this.#lastTrouble) return;
    this.#lastTrouble = trouble;
    if (trouble === NOT_OFFERED) {
      this.#deps.log.info('the verifier tells of no revocations; open connections are verified at intervals');
    } else {
      this.#deps.log.warn(
        { trouble },
        'nobody tells of revocations at the moment; open connections are verified at intervals',
      );
    }
  }
}

const NOT_OFFERED = 'not offered';
