import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Cleanup } from '@codex-gateways/testing';
import { WebSocket, WebSocketServer } from 'ws';
import {
  acceptWebSocket,
  dialWebSocket,
  FrameSocket,
  type FrameSocketOptions,
  READY_STATES,
  SocketMemory,
} from '../src/index.ts';

export type PeerOptions = Partial<Omit<FrameSocketOptions, 'role'>>;

export interface Pair {
  /** The package's own end. */
  readonly ours: FrameSocket;
  /** What it is made of. */
  readonly socket: Socket;
  /** The other end, as `ws` has it. */
  readonly theirs: WebSocket;
}

const LIMIT = 16 * 1024 * 1024;

/** A server of ours with a client of `ws`. */
export async function oursAsServer(cleanup: Cleanup, options: PeerOptions = {}): Promise<Pair> {
  const server = createServer();
  const accepted = new Promise<{ ours: FrameSocket; socket: Socket }>((resolve) => {
    server.on('upgrade', (req, socket: Socket, head) => {
      const ours = acceptWebSocket(
        { req, socket, head },
        { maxMessageBytes: LIMIT, memory: new SocketMemory(), ...options },
      );
      if (ours) resolve({ ours: swallow(ours), socket });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const theirs = swallow(new WebSocket(`ws://127.0.0.1:${portOf(server)}`, { perMessageDeflate: false }));
  const [pair] = await Promise.all([accepted, once(theirs, 'open')]);
  cleanup.after(() => {
    pair.ours.terminate();
    theirs.terminate();
    server.close();
  });
  return { ...pair, theirs };
}

/** A client of ours at a server of `ws`. */
export async function oursAsClient(cleanup: Cleanup, options: PeerOptions = {}): Promise<Pair> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const outcome = await dialWebSocket({
    ...{
      url: `ws://127.0.0.1:${portOf(server)}`,
      signal: new AbortController().signal,
      maxMessageBytes: LIMIT,
      memory: new SocketMemory(),
    },
    ...options,
  });
  if (outcome.kind !== 'open') throw new Error('refused');
  const [theirs] = await connected;
  const { ws: ours, socket } = outcome;
  cleanup.after(() => {
    ours.terminate();
    theirs.terminate();
    server.close();
  });
  swallow(ours).resume();
  return { ours, socket, theirs: swallow(theirs) };
}

export const OPENERS = { server: oursAsServer, client: oursAsClient } as const;

/** Everything that an end was told, in order. */
export function recorded(ws: WebSocket | FrameSocket): { data: Buffer; isBinary: boolean }[] {
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  const record = (data: Buffer, isBinary: boolean) => void messages.push({ data: Buffer.from(data), isBinary });
  if (ws instanceof FrameSocket) ws.on('message', record);
  else ws.on('message', record);
  return messages;
}

/** What a socket hands to the system with each call, in order. */
export function recordedWrites(socket: Socket): Buffer[] {
  const calls: Buffer[] = [];
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (piece: Buffer, encoding, done) => {
    calls.push(Buffer.from(piece)); // its memory is used again
    write(piece, encoding, done);
  };
  socket._writev = (pieces, done) => {
    calls.push(Buffer.concat(pieces.map(({ chunk }) => chunk as Buffer)));
    writev?.(pieces, done);
  };
  return calls;
}

/** Sends to a peer that does not read, until so much waits for it. */
export async function fillQueue(ours: FrameSocket, bytes: number): Promise<void> {
  const block = Buffer.alloc(64 * 1024);
  while (ours.bufferedAmount < bytes) {
    // On a connection that is lost, as it is when the test took too long, nothing ever waits.
    if (ours.readyState !== READY_STATES.open) throw new Error('the connection is over');
    ours.send(block);
    await new Promise(setImmediate);
  }
}

/** Code and reason of a close that comes. */
export function closeOf(ws: WebSocket | FrameSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    (ws as WebSocket).once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

function swallow<Ws extends WebSocket | FrameSocket>(ws: Ws): Ws {
  (ws as WebSocket).on('error', () => undefined);
  return ws;
}
