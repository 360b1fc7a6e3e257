import { HttpError } from '@codex-gateways/service';
import type { WebSocket } from 'ws';
import { APPROVAL_METHODS } from '../approvals/approval-methods.ts';
import { isJsonObject, type JsonObject } from '../guard/json-object.ts';

export interface ServerNotification {
  readonly method: string;
  readonly params: JsonObject;
}

const METHOD_NOT_FOUND = -32601;

export interface AppServerCallOptions {
  readonly onNotification: (notification: ServerNotification) => void;
  /** Undefined while there is room for more of them; else settles when there is. */
  readonly whenRoom?: (() => Promise<void> | undefined) | undefined;
}

/** One conversation with an app-server over its open socket, as a client without a person. Owns the socket. */
export class AppServerCall {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #options: AppServerCallOptions;
  /** Rejects when the connection ends, with why. */
  readonly lost: Promise<never>;
  #lastId = 0;
  #lostError: HttpError | undefined;

  constructor(socket: WebSocket, options: AppServerCallOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('error', () => undefined); // a close follows
    socket.on('message', (data: Buffer) => {
      this.#receive(parse(data));
      this.#waitForRoom();
    });
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
  request(method: string, params: object): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#lostError) return Promise.reject(this.#lostError);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ id, method, params });
    }).finally(() => this.#pending.delete(id));
  }

  notify(method: string): void {
    this.#send({ method });
  }

  close(): void {
    this.#socket.close(1000);
  }

  #waitForRoom(): void {
    if (this.#socket.isPaused) return; // what had arrived already
    const room = this.#options.whenRoom?.();
    if (!room) return;
    this.#socket.pause();
    void room.then(() => this.#socket.resume());
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  #receive({ id, method, params, result, error }: JsonObject): void {
    if (typeof method === 'string' && id === undefined) {
      this.#options.onNotification({ method, params: isJsonObject(params) ? params : {} });
    } else if (typeof method === 'string') {
      this.#send({ id, ...answerOfNobody(method) });
    } else if (isJsonObject(error)) {
      this.#pending.get(Number(id))?.reject(refusedError(error));
    } else {
      this.#pending.get(Number(id))?.resolve(result);
    }
  }
}

/** What the gateway's policy leaves to the client (`CXG_APPROVALS`) is declined. */
function answerOfNobody(method: string): object {
  const answers = APPROVAL_METHODS.get(method);
  return answers
    ? { result: answers.decline() }
    : { error: { code: METHOD_NOT_FOUND, message: 'nobody is there to decide' } };
}

/** What is not a JSON object is no message to anybody. */
function parse(data: Buffer): JsonObject {
  try {
    const message: unknown = JSON.parse(data.toString('utf8'));
    return isJsonObject(message) ? message : {};
  } catch {
    return {};
  }
}

function refusedError({ message }: JsonObject): HttpError {
  const words = typeof message === 'string' ? message : 'the app-server refused the call';
  if (/thread not found|no rollout found|invalid thread id/i.test(words)) {
    return new HttpError(404, 'thread_not_found', 'there is no such thread in this workspace', { reason: words });
  }
  return new HttpError(502, 'refused_by_app_server', words.slice(0, 500));
}

function lostError(code: number, reason: string): HttpError {
  if (code === 1001) {
    return new HttpError(503, 'connection_ended', reason || 'the app-server ended', {
      headers: { 'Retry-After': '2' },
    });
  }
  return new HttpError(502, 'connection_ended', reason || 'the connection to the app-server ended');
}
