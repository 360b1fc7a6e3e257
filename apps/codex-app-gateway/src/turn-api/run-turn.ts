import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from '@codex-gateways/service';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { unavailable } from '../proxy/upgrade-refusal.ts';
import { AppServerCall, type ServerNotification } from './app-server-call.ts';
import { TurnRecord } from './turn-record.ts';
import type { TurnRequest, TurnResult } from './turn-schemas.ts';

const threadOpened = z.object({ thread: z.object({ id: z.string() }) });
const turnStarted = z.object({ turn: z.object({ id: z.string() }) });

/** What a caller may be told while a turn runs. */
export interface TurnEvent {
  readonly event: 'turn.started' | 'message.delta' | 'item.completed' | 'warning';
  readonly data: object;
}

/** Who is told. */
export interface TurnListener {
  readonly onEvent: (event: TurnEvent) => void;
  /** Undefined while the caller takes what it is told; else settles when it does again, or has left. */
  readonly whenRoom?: () => Promise<void> | undefined;
}

export interface TurnRun extends TurnListener {
  /** Open and paused; owned from here on. */
  readonly socket: WebSocket;
  readonly request: TurnRequest;
  /** Aborts when the turn must be interrupted: with the reason in words. */
  readonly signal: AbortSignal;
}

/** How long an interrupted turn has to end. */
const INTERRUPT_MS = 5000;
const NOT_UNDERSTOOD = 'the app-server answered with something that is not understood here';
const CLIENT = { name: 'codex-app-gateway', title: null, version: '1' };

/**
 * Runs one turn to its end.
 * @throws {HttpError} when it cannot be begun, also because its time is over before, or the connection to the app-server ends
 */
export async function runTurn({ socket, request, signal, onEvent, whenRoom }: TurnRun): Promise<TurnResult> {
  const record = new TurnRecord(onEvent);
  const neverBegan = () => {
    throw unavailable('interrupted', `the turn was interrupted before it began: ${signal.reason}`);
  };
  const onNotification = (notification: ServerNotification) => record.add(notification);
  const call = new AppServerCall(socket, { onNotification, whenRoom });
  try {
    const threadId = await Promise.race([prepare(call, request), until(signal).then(neverBegan)]);
    record.begin(threadId);
    // Once asked for, it may begin at any moment, and nobody would interrupt it.
    const begun = call.request('turn/start', { threadId, input: inputOf(request) });
    const turnId = turnStarted.parse(await Promise.race([begun, longAfter(signal).then(neverBegan)])).turn.id;
    record.started(turnId);
    const interrupt = () => void call.request('turn/interrupt', { threadId, turnId }).catch(() => undefined);
    if (signal.aborted) interrupt();
    else signal.addEventListener('abort', interrupt, { once: true });
    await Promise.race([record.ended, call.lost, longAfter(signal)]);
    signal.removeEventListener('abort', interrupt);
    return record.result(signal.aborted ? String(signal.reason) : undefined);
  } catch (error) {
    throw error instanceof z.ZodError ? new HttpError(502, 'refused_by_app_server', NOT_UNDERSTOOD) : error;
  } finally {
    call.close();
  }
}

/** @returns the id of the thread */
async function prepare(call: AppServerCall, request: TurnRequest): Promise<string> {
  await call.request('initialize', { clientInfo: CLIENT, capabilities: null });
  call.notify('initialized');
  return threadOpened.parse(await openThread(call, request)).thread.id;
}

function openThread(call: AppServerCall, request: TurnRequest): Promise<unknown> {
  const { thread_id: threadId, cwd, model, sandbox, approval_policy: approvalPolicy } = request;
  const settings = {
    approvalPolicy,
    sandbox,
    ...(model === undefined ? {} : { model }),
  };
  return threadId === undefined
    ? call.request('thread/start', { ...settings, cwd: cwd ?? '/' })
    : call.request('thread/resume', { ...settings, threadId, ...(cwd ? { cwd } : {}) });
}

function inputOf({ input }: TurnRequest): object[] {
  const items = typeof input === 'string' ? [{ type: 'text' as const, text: input }] : input;
  return items.map((item) => (item.type === 'text' ? { ...item, text_elements: [] } : item));
}

/** Settles when an interrupted turn had its time to end and did not. */
async function longAfter(signal: AbortSignal): Promise<void> {
  await until(signal);
  await delay(INTERRUPT_MS, undefined, { ref: false });
}

function until(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
