import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { AppServerCall, type ServerNotification } from './app-server-call.ts';
import { TurnRecord } from './turn-record.ts';
import type { TurnRequest, TurnResult } from './turn-schemas.ts';

/** What a caller may be told while a turn runs. */
export interface TurnEvent {
  readonly event: 'turn.started' | 'message.delta' | 'item.completed' | 'warning';
  readonly data: object;
}

export interface TurnRun {
  /** Open and paused; owned from here on. */
  readonly socket: WebSocket;
  readonly request: TurnRequest;
  /** Aborts when the turn must be interrupted: with the reason in words. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: TurnEvent) => void;
}

/** How long an interrupted turn has to end. */
const INTERRUPT_MS = 5000;
const CLIENT = { name: 'codex-app-gateway', title: null, version: '1' };

/**
 * Runs one turn to its end.
 * @throws {HttpError} when it cannot be begun, or the connection to the app-server ends
 */
export async function runTurn({ socket, request, signal, onEvent }: TurnRun): Promise<TurnResult> {
  const record = new TurnRecord(onEvent);
  const call = new AppServerCall(socket, (notification: ServerNotification) => record.add(notification));
  try {
    await call.request('initialize', { clientInfo: CLIENT, capabilities: null });
    call.notify('initialized');
    const threadId = await openThread(call, request);
    record.begin(threadId);
    signal.throwIfAborted();
    const { turn } = await call.request<{ turn: { id: string } }>('turn/start', { threadId, input: inputOf(request) });
    record.started(turn.id);
    const interrupt = () => void call.request('turn/interrupt', { threadId, turnId: turn.id }).catch(() => undefined);
    if (signal.aborted) interrupt();
    else signal.addEventListener('abort', interrupt, { once: true });
    await Promise.race([record.ended, call.lost, longAfter(signal)]);
    signal.removeEventListener('abort', interrupt);
    return record.result(signal.aborted ? String(signal.reason) : undefined);
  } finally {
    call.close();
  }
}

async function openThread(call: AppServerCall, request: TurnRequest): Promise<string> {
  const { thread_id: threadId, cwd, model, sandbox, approval_policy: approvalPolicy } = request;
  const settings = {
    approvalPolicy,
    sandbox,
    ...(model === undefined ? {} : { model }),
  };
  const { thread } = await (threadId === undefined
    ? call.request<{ thread: { id: string } }>('thread/start', { ...settings, cwd: cwd ?? '/' })
    : call.request<{ thread: { id: string } }>('thread/resume', { ...settings, threadId, ...(cwd ? { cwd } : {}) }));
  return thread.id;
}

function inputOf({ input }: TurnRequest): object[] {
  const items = typeof input === 'string' ? [{ type: 'text' as const, text: input }] : input;
  return items.map((item) => (item.type === 'text' ? { ...item, text_elements: [] } : item));
}

/** Settles when an interrupted turn had its time to end and did not. */
async function longAfter(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await delay(INTERRUPT_MS, undefined, { ref: false });
}
