import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { abortAfter } from '@codex-gateways/runtime';
import { dialWebSocket, type FrameSocket, type SocketMemory } from '@codex-gateways/websocket';
import { WebSocket } from 'ws';

export type DialOutcome<Ws = WebSocket> =
  /** Open and paused, so that nothing is lost before somebody listens: the caller closes it. */
  | { readonly kind: 'open'; readonly ws: Ws; readonly socket: Socket }
  /** The other replica is there and says no. `body` is its parsed JSON, undefined when it is none. */
  | { readonly kind: 'refused'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'unreachable'; readonly cause: Error };

export type SocketDialOutcome = DialOutcome<FrameSocket>;

export interface DialRequest {
  /** Where the replica says that others reach it, `http(s)://host:port`, with or without a path. */
  readonly internalUrl: string;
  /** Below that address, with its leading slash. */
  readonly path: string;
  /** Sent as bearer; minted for this hop, never what the client showed. */
  readonly token: string;
  /** For the log of the other side. */
  readonly requestId: string;
  /** The trace that goes on at the other side (W3C Trace Context). */
  readonly traceparent?: string | undefined;
  /** The longest message that is accepted from the other side. */
  readonly maxPayloadBytes: number;
  /** For everything up to the 101. */
  readonly timeoutMs: number;
  /** Aborts when nobody waits for the connection any more. */
  readonly signal: AbortSignal;
}

export interface SocketDialRequest extends DialRequest {
  readonly memory: SocketMemory;
}

const MAX_REFUSAL_BYTES = 8192;
/** A replica whose host is gone does not say goodbye: an idle hop is probed by TCP. */
const KEEPALIVE_MS = 15_000;

/** Opens a WebSocket at another replica. Never throws: what did not work is an outcome. */
export async function dialReplica(request: DialRequest): Promise<DialOutcome> {
  let ws: WebSocket;
  try {
    ws = startDialling(request);
  } catch (error) {
    return { kind: 'unreachable', cause: error as Error }; // the other replica's address is none
  }
  return untilGivenUp(settled(ws), request, () => ws.terminate());
}

/** As `dialReplica`, with the WebSocket that forwards what it reads. */
export async function dialReplicaSocket(request: SocketDialRequest): Promise<SocketDialOutcome> {
  const attempt = new AbortController();
  return untilGivenUp(dialSocket(request, attempt.signal), request, () => attempt.abort());
}

async function dialSocket(request: SocketDialRequest, signal: AbortSignal): Promise<SocketDialOutcome> {
  try {
    const outcome = await dialWebSocket({
      ...{ url: urlOf(request), headers: headersOf(request), signal },
      maxMessageBytes: request.maxPayloadBytes,
      memory: request.memory,
    });
    if (outcome.kind === 'refused') return await refused(outcome.response);
    outcome.socket.setKeepAlive(true, KEEPALIVE_MS);
    return outcome;
  } catch (cause) {
    return { kind: 'unreachable', cause: cause as Error };
  }
}

/** Calls `giveUp` when the time is over, or nobody waits for the outcome any more. */
async function untilGivenUp<T>(
  outcome: Promise<T>,
  { timeoutMs, signal }: DialRequest,
  giveUp: () => void,
): Promise<T> {
  const deadline = abortAfter(timeoutMs, signal);
  deadline.addEventListener('abort', giveUp);
  if (deadline.aborted) giveUp();
  try {
    return await outcome;
  } finally {
    deadline.removeEventListener('abort', giveUp);
  }
}

async function refused(response: IncomingMessage): Promise<SocketDialOutcome> {
  try {
    return { kind: 'refused', status: response.statusCode ?? 0, body: await readJson(response) };
  } finally {
    response.destroy();
  }
}

function startDialling(request: DialRequest): WebSocket {
  return new WebSocket(urlOf(request), {
    headers: headersOf(request),
    perMessageDeflate: false,
    maxPayload: request.maxPayloadBytes,
  });
}

function urlOf({ internalUrl, path }: DialRequest): string {
  return `${internalUrl.replace(/^http/, 'ws').replace(/\/+$/, '')}${path}`;
}

function headersOf({ token, requestId, traceparent }: DialRequest): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'x-request-id': requestId, ...(traceparent ? { traceparent } : {}) };
}

function settled(ws: WebSocket): Promise<DialOutcome> {
  return new Promise((resolve) => {
    const unreachable = (cause: Error) => resolve({ kind: 'unreachable', cause });
    ws.once('upgrade', ({ socket }) => {
      socket.setKeepAlive(true, KEEPALIVE_MS);
      ws.once('open', () => {
        ws.pause();
        ws.off('error', unreachable);
        resolve({ kind: 'open', ws, socket });
      });
    });
    ws.once('unexpected-response', (req, res) => {
      readJson(res).then(
        (body) => resolve({ kind: 'refused', status: res.statusCode ?? 0, body }),
        () => unreachable(new Error('the answer of the other replica broke off')),
      );
      res.once('close', () => req.destroy());
    });
    ws.on('error', unreachable);
  });
}

async function readJson(res: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_REFUSAL_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
