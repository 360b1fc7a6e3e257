import { HttpError } from '@codex-gateways/service';
import type { WebSocket } from 'ws';
import { APPROVAL_METHODS } from '../approvals/approval-methods.ts';

export interface ServerNotification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { code?: number; message?: string };
}

const METHOD_NOT_FOUND = -32601;

/** One conversation with an app-server over its open socket, as a client without a person. Owns the socket. */
export class AppServerCall {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #onNotification: (notification: ServerNotification) => void;
  /** Rejects when the connection ends, with why. */
  readonly lost: Promise<never>;
  #lastId = 0;
  #lostError: HttpError | undefined;

  constructor(socket: WebSocket, onNotification: (notification: ServerNotification) => void) {
    this.#socket = socket;
    this.#onNotification = onNotification;
    socket.on('error', () => undefined); // a close follows
    socket.on('message', (data: Buffer) => this.#receive(parse(data)));
    this.lost = new Promise((_, reject) => {
      socket.once('close', (code, reason) => {
        const error = lostError(code, String(reason));
        this.#lostError = error;
        for (const pending of this.#pending.values()) pending.reject(error);
        reject(error);
      });
    });
    this.lost.catch(() => undefined);
    socket.resume();
  }

  /** @throws {HttpError} when the app-server, or the guard before it, answers with an error, or the connection ends */
  request<Result>(method: string, params: object): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#lostError) return Promise.reject(this.#lostError);
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ id, method, params });
    }).finally(() => this.#pending.delete(id)) as Promise<Result>;
  }

  notify(method: string): void {
    this.#send({ method });
  }

  close(): void {
    this.#socket.close(1000);
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  #receive({ id, method, params = {}, result, error }: Message): void {
    if (method !== undefined && id === undefined) this.#onNotification({ method, params });
    else if (method !== undefined) this.#send({ id, ...answerOfNobody(method) });
    else if (error) this.#pending.get(Number(id))?.reject(refusedError(error));
    else this.#pending.get(Number(id))?.resolve(result);
  }
}

/** What the gateway's policy leaves to the client (`CXG_APPROVALS`) is declined. */
function answerOfNobody(method: string): object {
  const answers = APPROVAL_METHODS.get(method);
  return answers
    ? { result: answers.decline() }
    : { error: { code: METHOD_NOT_FOUND, message: 'nobody is there to decide' } };
}

/** What is not JSON is no message to anybody. */
function parse(data: Buffer): Message {
  try {
    return JSON.parse(data.toString('utf8')) as Message;
  } catch {
    return {};
  }
}

function refusedError({ message = 'the app-server refused the call' }: { message?: string }): HttpError {
  if (/thread not found|no rollout found|invalid thread id/i.test(message)) {
    return new HttpError(404, 'thread_not_found', 'there is no such thread in this workspace', { reason: message });
  }
  return new HttpError(502, 'refused_by_app_server', message.slice(0, 500));
}

function lostError(code: number, reason: string): HttpError {
  if (code === 1001) {
    return new HttpError(503, 'connection_ended', reason || 'the app-server ended', {
      headers: { 'Retry-After': '2' },
    });
  }
  return new HttpError(502, 'connection_ended', reason || 'the connection to the app-server ended');
}
