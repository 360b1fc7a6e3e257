import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { CLOSED_WITHOUT_CODE, CLOSED_WITHOUT_FRAME, closePayload, readClosePayload } from './close-frame.ts';
import { MAX_CONTROL_BYTES, OPCODES, type OpcodeValue, type Role } from './frame-header.ts';
import { type FrameEvents, FrameParser } from './frame-parser.ts';
import type { MaskKeys } from './masking.ts';
import { appendMessage, type MessageInPlace } from './message-in-place.ts';
import { ProtocolViolation } from './protocol-violation.ts';
import { SendQueue } from './send-queue.ts';
import type { SocketMemory } from './socket-memory.ts';

/** As `ws` numbers them; a FrameSocket begins open. */
export const READY_STATES = { open: 1, closing: 2, closed: 3 } as const;
export type ReadyState = (typeof READY_STATES)[keyof typeof READY_STATES];

export interface FrameSocketOptions {
  readonly role: Role;
  /** The longest message that is accepted, in bytes; a longer one closes the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Whether text that is not UTF-8 closes the connection with 1007, as RFC 6455 §8.1 has it; true unless told otherwise. */
  readonly validatesUtf8?: boolean;
  /** Where a client's messages of up to its length are unmasked, so that they go on to a server as they came, without being masked again. */
  readonly unmaskInto?: Buffer;
  /** How long the peer may take to answer a close frame, and to hang up after it; 30 s unless told otherwise. */
  readonly closeTimeoutMs?: number;
  /** Shared by the sockets of a process. */
  readonly memory: SocketMemory;
}

export interface FrameSocketEvents {
  /** @param data - valid during the event: its memory is used again, by whatever is read next */
  message: [data: Buffer, isBinary: boolean];
  ping: [payload: Buffer];
  pong: [payload: Buffer];
  /** The system took something that had waited: `bufferedAmount` and `queuedFrames` are less than before. */
  taken: [];
  /** The peer broke a rule or a limit; it has been told, and `close` follows. */
  error: [violation: ProtocolViolation];
  /** The connection is over: what the peer's close frame said; 1005 if it said nothing, 1006 if there was none. */
  close: [code: number, reason: Buffer];
}

const CLOSE_TIMEOUT_MS = 30_000;
/** With so much waiting for the peer, pongs wait too, and only the last one is sent (RFC 6455 §5.5.3). */
const PONGS_WAIT_FROM_BYTES = 16 * 1024;
/** What is sent without a mask, and is no smaller, is not copied. */
const OWNED_FROM_BYTES = 16 * 1024;
const NO_REASON = Buffer.alloc(0);

/**
 * RFC 6455 over a socket whose upgrade is done, with the part of the interface of `ws` that gateways use. Without new memory from end
 * to end: a message is delivered where it arrived, in memory that all sockets read into, and `forward` copies it to where it is sent from.
 */
export class FrameSocket extends EventEmitter<FrameSocketEvents> implements FrameEvents {
  readonly #socket: Duplex;
  readonly #memory: SocketMemory;
  readonly #parser: FrameParser;
  readonly #queue: SendQueue;
  readonly #maskKeys: MaskKeys | undefined;
  readonly #closeTimeoutMs: number;
  #readyState: ReadyState = READY_STATES.open;
  #delivered: MessageInPlace | undefined;
  #closeCode: number = CLOSED_WITHOUT_FRAME;
  #closeReason = NO_REASON;
  #isPeerDone = false;
  #owedPong: Buffer | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  /** Takes the socket over: reads it, and closes it. What was read too far during the upgrade is to be unshifted before. */
  constructor(socket: Duplex, options: FrameSocketOptions) {
    super();
    const { role, maxMessageBytes, validatesUtf8 = true, unmaskInto, memory } = options;
    this.#socket = socket;
    this.#memory = memory;
    this.#parser = new FrameParser(
      { role, maxMessageBytes, validatesUtf8, ...(unmaskInto && { unmaskInto }), stashes: memory.stashes },
      this,
    );
    this.#queue = new SendQueue(socket, memory, () => this.#taken());
    this.#maskKeys = role === 'client' ? memory.maskKeys : undefined;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS;
    memory.listen(socket, this.#read);
    // Not `once`, although they come once: what that remembers is 0.14 KiB for each, in every idle connection.
    socket.on('end', () => this.#hangUp());
    socket.on('error', () => this.terminate());
    socket.on('close', () => this.#closed());
  }

  get readyState(): ReadyState {
    return this.#readyState;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  /** Bytes that wait to be sent, headers included. */
  get bufferedAmount(): number {
    return this.#queue.bytes;
  }

  /** Frames that wait to be sent. */
  get queuedFrames(): number {
    return this.#queue.frames;
  }

  /** Stops reading. What has arrived already is still delivered, at most one chunk. */
  pause(): void {
    if (this.#readyState !== READY_STATES.closed) this.#socket.pause();
  }

  resume(): void {
    if (this.#readyState !== READY_STATES.closed) this.#socket.resume();
  }

  /**
   * Sends a message. A server sends a large Buffer as it is, so the caller must leave it alone from now on; a client masks a copy.
   * @param options.binary - true for a Buffer and false for a string unless told otherwise
   */
  send(data: Buffer | string, options: { readonly binary?: boolean } = {}): void {
    if (this.#readyState !== READY_STATES.open) return;
    const { binary = typeof data !== 'string' } = options;
    this.#frame(binary ? OPCODES.binary : OPCODES.text, data);
  }

  /**
   * Sends the message that `from` is delivering right now on to this peer: the caller must not look at it any more. Once for each message, and only during its `message` event.
   * @throws {Error} outside of it
   */
  forward(from: FrameSocket): void {
    const message = from.#delivered;
    if (!message) throw new Error('a message is forwarded while it is delivered, and once');
    if (this.#readyState !== READY_STATES.open) return;
    from.#delivered = undefined;
    appendMessage(this.#queue, message, this.#maskKeys);
    this.#queue.endFrame(message.isLast);
  }

  /** @param payload - at most 125 bytes */
  ping(payload: Buffer | string = NO_REASON): void {
    this.#control(OPCODES.ping, payload);
  }

  /** One that nobody asked for; pings are answered without it. */
  pong(payload: Buffer | string = NO_REASON): void {
    this.#control(OPCODES.pong, payload);
  }

  /**
   * Begins the closing handshake; everything sent before it is sent first. Does nothing on a connection that is closing.
   * @param code - none is sent if there is none
   * @throws {RangeError} for a code that may not be sent, or a reason above 123 bytes
   */
  close(code?: number, reason = ''): void {
    if (this.#readyState !== READY_STATES.open) return;
    const payload = closePayload(code, reason);
    this.#readyState = READY_STATES.closing;
    this.#frame(OPCODES.close, payload);
    if (this.#isPeerDone) this.#end();
    this.#cutLater();
  }

  /** Cuts the connection; `close` follows. */
  terminate(): void {
    if (this.#readyState === READY_STATES.closed) return;
    this.#readyState = READY_STATES.closing;
    this.#parser.stop();
    this.#socket.destroy();
  }

  /** @internal */
  onMessage(message: MessageInPlace): void {
    this.#delivered = message;
    this.emit('message', message.payload, message.isBinary);
    this.#delivered = undefined;
  }

  /** @internal */
  onControl(opcode: number, payload: Buffer): void {
    if (opcode === OPCODES.ping) {
      this.#owePong(payload);
      this.emit('ping', payload);
    } else if (opcode === OPCODES.pong) {
      this.emit('pong', payload);
    } else {
      const outcome = readClosePayload(payload);
      if (outcome instanceof ProtocolViolation) this.onViolation(outcome);
      else this.#peerCloses(outcome.code, outcome.reason);
    }
  }

  /** @internal */
  onViolation(violation: ProtocolViolation): void {
    this.#peerIsDone();
    this.close(violation.closeCode);
    this.emit('error', violation);
  }

  /** A listener that throws leaves the parser in the middle of a chunk, the rest of which is lost: the connection ends with it. */
  readonly #read = (memory: Buffer, start: number, end: number): void => {
    try {
      this.#parser.push(memory, start, end);
    } catch (error) {
      this.#delivered = undefined;
      this.terminate();
      throw error;
    }
  };

  #peerCloses(code: number, reason: Buffer): void {
    this.#closeCode = code;
    this.#closeReason = Buffer.from(reason);
    const isAnswer = this.#readyState !== READY_STATES.open;
    this.#peerIsDone();
    if (isAnswer) this.#end();
    else if (code === CLOSED_WITHOUT_CODE) this.close();
    else this.close(code, this.#closeReason.toString('utf8'));
  }

  /** What still comes is thrown away, but read, to see the end. */
  #peerIsDone(): void {
    this.#isPeerDone = true;
    this.#parser.stop();
    this.#socket.resume();
  }

  #hangUp(): void {
    this.#readyState = READY_STATES.closing;
    this.#parser.stop();
    this.#end();
    this.#cutLater();
  }

  #end(): void {
    this.#queue.flushNow();
    this.#socket.end();
  }

  #cutLater(): void {
    this.#closeTimer ??= setTimeout(() => this.#socket.destroy(), this.#closeTimeoutMs);
    this.#closeTimer.unref();
  }

  #closed(): void {
    clearTimeout(this.#closeTimer);
    this.#readUnread();
    this.#parser.stop();
    this.#readyState = READY_STATES.closed;
    this.emit('close', this.#closeCode, this.#closeReason);
  }

  /** A socket that was paused may have been lost with a last chunk unread, such as a close frame. */
  #readUnread(): void {
    if (this.#isPeerDone || this.#socket.readableLength === 0) return;
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk) this.#memory.handOver(chunk, this.#read);
  }

  #owePong(payload: Buffer): void {
    if (this.#readyState !== READY_STATES.open) return;
    if (this.#queue.bytes >= PONGS_WAIT_FROM_BYTES) this.#owedPong = Buffer.from(payload);
    else this.#control(OPCODES.pong, payload);
  }

  #taken(): void {
    const pong = this.#owedPong;
    if (pong && this.#queue.bytes < PONGS_WAIT_FROM_BYTES) {
      this.#owedPong = undefined;
      this.#control(OPCODES.pong, pong);
    }
    this.emit('taken');
  }

  #control(opcode: OpcodeValue, payload: Buffer | string): void {
    if (Buffer.byteLength(payload) > MAX_CONTROL_BYTES)
      throw new RangeError('a ping or pong carries at most 125 bytes');
    if (this.#readyState === READY_STATES.open) this.#frame(opcode, payload);
  }

  #frame(opcode: OpcodeValue, data: Buffer | string): void {
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    const maskKey = this.#maskKeys?.next();
    this.#queue.addHeader({ opcode, payloadBytes: payload.length, maskKey });
    if (maskKey === undefined && payload.length >= OWNED_FROM_BYTES) this.#queue.addOwned(payload);
    else this.#queue.addCopy(payload, 0, payload.length, maskKey);
    this.#queue.endFrame(false);
  }
}
