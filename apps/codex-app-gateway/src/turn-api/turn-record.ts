import { z } from 'zod';
import type { ServerNotification } from './app-server-call.ts';
import type { TurnEvent } from './run-turn.ts';
import type { TurnResult, Usage } from './turn-schemas.ts';

const itemSchema = z.looseObject({ type: z.string(), id: z.string() });
const itemCompleted = z.object({ turnId: z.string(), item: itemSchema });
const delta = z.object({ turnId: z.string(), delta: z.string() });
const turnCompleted = z.object({
  turn: z.object({
    id: z.string(),
    status: z.enum(['completed', 'failed', 'interrupted']),
    error: z.object({ message: z.string() }).nullish(),
  }),
});
const count = z.int().nonnegative();
const tokenUsage = z.object({
  turnId: z.string(),
  tokenUsage: z.object({
    last: z.object({
      inputTokens: count,
      cachedInputTokens: count,
      outputTokens: count,
      reasoningOutputTokens: count,
      totalTokens: count,
    }),
  }),
});

/** What an app-server tells of one turn, gathered; other clients may have turns of their own in the same thread. */
export class TurnRecord {
  readonly #onEvent: (event: TurnEvent) => void;
  readonly #items: z.infer<typeof itemSchema>[] = [];
  readonly #usage: Usage = {
    input_tokens: 0,
    cached_input_tokens: 0,
    output_tokens: 0,
    reasoning_output_tokens: 0,
    total_tokens: 0,
  };
  /** What came before it was known which turn is ours. */
  readonly #early: ServerNotification[] = [];
  #threadId = '';
  #turnId = '';
  #end: z.infer<typeof turnCompleted>['turn'] | undefined;
  #resolve: () => void = () => undefined;
  readonly ended = new Promise<void>((resolve) => {
    this.#resolve = resolve;
  });

  constructor(onEvent: (event: TurnEvent) => void) {
    this.#onEvent = onEvent;
  }

  begin(threadId: string): void {
    this.#threadId = threadId;
  }

  started(turnId: string): void {
    this.#turnId = turnId;
    this.#onEvent({ event: 'turn.started', data: { thread_id: this.#threadId, turn_id: turnId } });
    for (const notification of this.#early.splice(0)) this.add(notification);
  }

  add(notification: ServerNotification): void {
    const { method, params } = notification;
    if (method === 'warning') this.#onEvent({ event: 'warning', data: { message: String(params.message) } });
    else if (this.#turnId === '') this.#early.push(notification);
    else if (params.threadId === this.#threadId) this.#addOfThread(notification);
  }

  #addOfThread({ method, params }: ServerNotification): void {
    if (method === 'item/completed') this.#addItem(params);
    else if (method === 'item/agentMessage/delta') this.#addDelta(params);
    else if (method === 'thread/tokenUsage/updated') this.#addUsage(params);
    else if (method === 'turn/completed') this.#complete(params);
  }

  /** @param interruptedWhy - when this gateway interrupted it */
  result(interruptedWhy?: string): TurnResult {
    const messages = this.#items.filter((item) => item.type === 'agentMessage');
    const text = messages.at(-1)?.text;
    const status = this.#end?.status ?? 'interrupted';
    const why = this.#end?.error?.message ?? (status === 'interrupted' ? interruptedWhy : undefined);
    return {
      thread_id: this.#threadId,
      turn_id: this.#turnId,
      status,
      final_message: typeof text === 'string' ? text : null,
      items: this.#items,
      usage: this.#usage,
      error: why === undefined ? null : { message: why },
    };
  }

  #addItem(params: unknown): void {
    const parsed = itemCompleted.safeParse(params);
    if (!parsed.success || parsed.data.turnId !== this.#turnId) return;
    this.#items.push(parsed.data.item);
    this.#onEvent({ event: 'item.completed', data: { item: parsed.data.item } });
  }

  #addDelta(params: unknown): void {
    const parsed = delta.safeParse(params);
    if (!parsed.success || parsed.data.turnId !== this.#turnId) return;
    this.#onEvent({ event: 'message.delta', data: { delta: parsed.data.delta } });
  }

  #addUsage(params: unknown): void {
    const parsed = tokenUsage.safeParse(params);
    if (!parsed.success || parsed.data.turnId !== this.#turnId) return;
    const { last } = parsed.data.tokenUsage;
    this.#usage.input_tokens += last.inputTokens;
    this.#usage.cached_input_tokens += last.cachedInputTokens;
    this.#usage.output_tokens += last.outputTokens;
    this.#usage.reasoning_output_tokens += last.reasoningOutputTokens;
    this.#usage.total_tokens += last.totalTokens;
  }

  #complete(params: unknown): void {
    const parsed = turnCompleted.safeParse(params);
    if (!parsed.success || parsed.data.turn.id !== this.#turnId) return;
    this.#end = parsed.data.turn;
    this.#resolve();
  }
}
