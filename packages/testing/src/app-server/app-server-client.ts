import type { WebSocket } from 'ws';
import { AppServerError } from './app-server-errors.ts';
import { type ConnectOptions, connectWebSocket } from './connect-websocket.ts';
import { INTERNAL_ERROR, type JsonRpcMessage, METHOD_NOT_FOUND, type Notification } from './json-rpc.ts';

const TIMEOUT_MS = 120_000;
const CLOSE_GRACE_MS = 5_000;

/** Answers the requests that the server makes of its client (approvals, for one), by method. */
export type ServerRequestHandlers = Readonly<Record<string, (params: never) => unknown>>;

/** How a connection ended: RFC 6455 close code and reason. */
export interface CloseEvent {
  code: number;
  reason: string;
}

interface Pending {
  method: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A client of the app-server protocol: one JSON object in each text frame. */
export class AppServerClient {
  readonly #socket: WebSocket;
  readonly #handlers: ServerRequestHandlers;
  readonly #pending = new Map<string | number, Pending>();
  readonly #listeners = new Set<(notification: Notification) => void>();
  #lastId = 0;
  #initialized: Promise<unknown> | undefined;
  #closeEvent: CloseEvent | undefined;
  /** Every notification so far. */
  readonly notifications: Notification[] = [];
  /** Settles when the connection has ended, whoever ended it. */
  readonly closed: Promise<CloseEvent>;

  constructor(socket: WebSocket, handlers: ServerRequestHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('error', () => undefined); // what follows is a close
    socket.on('message', (data) => this.#receive(JSON.parse(String(data)) as JsonRpcMessage));
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#closeEvent = { code, reason: String(reason) };
        for (const { reject } of this.#pending.values()) reject(this.#closedError());
        resolve(this.#closeEvent);
      });
    });
  }

  /**
   * @throws {AppServerError} when the server answers with an error
   * @throws {Error} when the connection ends first, or after `timeoutMs` (two minutes)
   */
  async request<Result = unknown>(method: string, params: unknown = {}, timeoutMs = TIMEOUT_MS): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { method, resolve, reject }));
    try {
      this.#send({ id, method, params });
      return (await within(answer, timeoutMs, `an answer to ${method}`)) as Result;
    } finally {
      this.#pending.delete(id);
    }
  }

  notify(method: string, params?: unknown): void {
    this.#send({ method, params });
  }

  /** `initialize` and `initialized`, the first time it is called. @returns what the server says of itself */
  async initialize(): Promise<unknown> {
    const clientInfo = { name: 'codex-gateways-tests', title: null, version: '0.1.0' };
    this.#initialized ??= this.request('initialize', { clientInfo, capabilities: null }).then((result) => {
      this.notify('initialized');
      return result;
    });
    return this.#initialized;
  }

  /** @returns ends the listening */
  onNotification(listener: (notification: Notification) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The parameters of the first such notification, received already or still to come.
   * @throws {Error} when the connection ends without it, or after `timeoutMs` (two minutes)
   */
  async waitForNotification<Params = unknown>(
    method: string,
    matches: (params: Params) => boolean = () => true,
    timeoutMs = TIMEOUT_MS,
  ): Promise<Params> {
    const wanted = (n: Notification): n is Notification<Params> => n.method === method && matches(n.params as Params);
    const received = this.notifications.find(wanted);
    if (received) return received.params;
    let stopListening = () => {};
    const arrival = new Promise<Params>((resolve, reject) => {
      stopListening = this.onNotification((notification) => wanted(notification) && resolve(notification.params));
      this.closed.then(() => reject(this.#closedError()));
    });
    try {
      return await within(arrival, timeoutMs, `notification ${method}`);
    } finally {
      stopListening();
    }
  }

  /** Ends the connection, with force when the server does not answer the closing handshake. */
  async close(): Promise<CloseEvent> {
    this.#socket.close(1000);
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS);
    const event = await this.closed;
    clearTimeout(timer);
    return event;
  }

  #send(message: JsonRpcMessage): void {
    if (this.#closeEvent) throw this.#closedError();
    this.#socket.send(JSON.stringify(message));
  }

  #receive(message: JsonRpcMessage): void {
    if (message.method === undefined) this.#settle(message);
    else if (message.id === undefined) this.#publish({ method: message.method, params: message.params });
    else void this.#answer(message.id, message.method, message.params);
  }

  #settle({ id = '', result, error }: JsonRpcMessage): void {
    const pending = this.#pending.get(id);
    if (error) pending?.reject(new AppServerError(pending.method, error.code, error.data, error.message));
    else pending?.resolve(result);
  }

  #publish(notification: Notification): void {
    this.notifications.push(notification);
    for (const listener of [...this.#listeners]) listener(notification);
  }

  async #answer(id: string | number, method: string, params: unknown): Promise<void> {
    const reply = await this.#replyTo(method, params);
    if (!this.#closeEvent) this.#send({ id, ...reply });
  }

  async #replyTo(method: string, params: unknown): Promise<Pick<JsonRpcMessage, 'result' | 'error'>> {
    const handler = this.#handlers[method];
    if (!handler) return { error: { code: METHOD_NOT_FOUND, message: `no handler for ${method}` } };
    try {
      return { result: await handler(params as never) };
    } catch (error) {
      return { error: { code: INTERNAL_ERROR, message: String(error) } };
    }
  }

  #closedError(): Error {
    return new Error(`the connection ended: ${this.#closeEvent?.code} ${this.#closeEvent?.reason}`);
  }
}

/**
 * Connects to an app-server or to what stands in front of one. Nothing is sent yet: see {@link AppServerClient.initialize}.
 * @throws {UpgradeRefusedError} with the `status`, when the upgrade is refused
 */
export async function connectAppServer(
  options: ConnectOptions & { serverRequests?: ServerRequestHandlers },
): Promise<AppServerClient> {
  return new Promise((resolve, reject) => {
    const listen = (socket: WebSocket) => {
      const client = new AppServerClient(socket, options.serverRequests ?? {});
      socket.once('open', () => resolve(client));
    };
    connectWebSocket(options, listen).catch(reject);
  });
}

async function within<T>(promise: Promise<T>, timeoutMs: number, awaited: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${awaited} within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
