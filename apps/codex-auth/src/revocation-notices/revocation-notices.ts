import { createListener, type Listener } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import { z } from 'zod';

/** Sent by triggers of the tables that say who has access: see the migration. */
const CHANNEL = 'codex_auth_access_ended';

const noticeSchema = z.object({
  user_id: z.string(),
  workspace_id: z.string().optional(),
  remote_token_id: z.string().optional(),
});

/** Whose access has just ended: a whole user's, a member's of one workspace, or one remote token. */
export type RevocationNotice = z.infer<typeof noticeSchema>;

export interface RevocationSubscriber {
  notice(notice: RevocationNotice): void;
  /** Notices may have been missed. */
  missed(): void;
  /** No more will come. */
  ended(): void;
}

/** Hears on every replica, from the database, whose access has ended, and tells whoever wants to know. */
export class RevocationNotices {
  readonly #databaseUrl: string;
  readonly #log: Logger;
  readonly #subscribers = new Set<RevocationSubscriber>();
  #listener: Listener | undefined;
  #hasEnded = false;

  constructor({ databaseUrl, log }: { databaseUrl: string; log: Logger }) {
    this.#databaseUrl = databaseUrl;
    this.#log = log;
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  async start(): Promise<void> {
    const listener = createListener({ databaseUrl: this.#databaseUrl, log: this.#log });
    this.#listener = listener;
    await listener.listen(
      CHANNEL,
      (payload) => this.#tell(payload),
      () => this.#forEach((subscriber) => subscriber.missed()),
    );
  }

  /** @returns ends the subscription */
  subscribe(subscriber: RevocationSubscriber): () => void {
    this.#subscribers.add(subscriber);
    if (this.#hasEnded) this.endSubscriptions();
    return () => this.#subscribers.delete(subscriber);
  }

  /** Tells everybody that no more will come, since this replica goes. */
  endSubscriptions(): void {
    this.#hasEnded = true;
    this.#forEach((subscriber) => subscriber.ended());
    this.#subscribers.clear();
  }

  async close(): Promise<void> {
    this.endSubscriptions();
    await this.#listener?.close();
  }

  #tell(payload: string): void {
    const notice = noticeSchema.safeParse(JSON.parse(payload));
    if (notice.success) this.#forEach((subscriber) => subscriber.notice(notice.data));
  }

  #forEach(tell: (subscriber: RevocationSubscriber) => void): void {
    for (const subscriber of [...this.#subscribers]) tell(subscriber);
  }
}
