import { isUtf8 } from 'node:buffer';
import { FrameHeader, MASK_KEY_BYTES, MAX_HEADER_BYTES, OPCODES, type Role } from './frame-header.ts';
import { applyMask, MOVES_FREELY_FROM_BYTES, moveMasked } from './masking.ts';
import { MessageBuffer, MessageMemory } from './message-buffer.ts';
import { MessageInPlace, NOTHING } from './message-in-place.ts';
import { type ProtocolViolation, violation } from './protocol-violation.ts';

/** What a socket reads at once: a chunk of this size says that there is more. */
const FULL_CHUNK_BYTES = 64 * 1024;

/** Learns what was read. A listener may stop the parser. */
export interface FrameEvents {
  /** @param message - valid during the call; the object is used again for the next one */
  onMessage(message: MessageInPlace): void;
  /** @param payload - not masked, in the chunk that it came with */
  onControl(opcode: number, payload: Buffer): void;
  /** Called once; nothing is read after it. */
  onViolation(violation: ProtocolViolation): void;
}

export interface FrameParserOptions {
  readonly role: Role;
  /** The longest message, all of its fragments together. */
  readonly maxMessageBytes: number;
  readonly validatesUtf8: boolean;
  /**
   * Whether masked messages that came right behind each other are moved together while they are unmasked, so that with headers
   * without a key, and nothing between them, they leave as one piece.
   */
  readonly closesGaps?: boolean;
  /** Where masked messages that a chunk has whole, and that fit, are unmasked, so that the chunk keeps them as they came. */
  readonly unmaskInto?: Buffer;
}

/**
 * Reads the frames of one peer, RFC 6455 §5, out of the chunks that they arrive in. What a chunk has whole is delivered as a view of
 * it; only a message that is spread over chunks or fragments is put together elsewhere. Owns the chunks, and unmasks in them.
 */
export class FrameParser {
  readonly #events: FrameEvents;
  readonly #options: FrameParserOptions;
  readonly #expectsMask: boolean;
  readonly #closesGaps: boolean;
  readonly #header = new FrameHeader();
  /** The beginning of a header, or of a control frame, whose rest has not come. */
  #stash: Buffer | undefined;
  readonly #memory = new MessageMemory();
  /** The message that is being put together. */
  #message: MessageBuffer | undefined;
  #isBinary = false;
  /** What is still to come of the payload of the data frame that the header announced. */
  #missingBytes = 0;
  #isFragmented = false;
  #isStopped = false;
  /** Where the last message ended that was delivered out of this chunk, before it was moved. */
  #deliveredEnd = 0;
  /** By how much it was moved. */
  #movedBytes = 0;
  readonly #inPlace = new MessageInPlace();

  constructor(options: FrameParserOptions, events: FrameEvents) {
    this.#options = options;
    this.#expectsMask = options.role === 'server';
    this.#closesGaps = options.closesGaps === true && this.#expectsMask && options.unmaskInto === undefined;
    this.#events = events;
  }

  /** Nothing is delivered any more. */
  stop(): void {
    this.#isStopped = true;
    this.#stash = undefined;
    this.#message = undefined;
    this.#memory.isBusy = false;
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#stash) {
      bytes = Buffer.concat([this.#stash, chunk]);
      this.#stash = undefined;
    }
    let offset = 0;
    this.#deliveredEnd = -1;
    this.#memory.isBusy = chunk.length >= FULL_CHUNK_BYTES;
    while (offset < bytes.length && !this.#isStopped) {
      const next = this.#missingBytes > 0 ? this.#continuePayload(bytes, offset) : this.#readFrame(bytes, offset);
      if (next === undefined) {
        if (!this.#isStopped) this.#stash = Buffer.from(bytes.subarray(offset));
        return;
      }
      offset = next;
    }
  }

  /** @returns where the next frame begins; undefined when this one has to wait for more, or was the last */
  #readFrame(bytes: Buffer, offset: number): number | undefined {
    const header = this.#header;
    const outcome = header.read(bytes, offset, this.#expectsMask);
    if (outcome === false) return undefined;
    if (outcome !== true) return this.#violated(outcome);
    const start = offset + header.bytes;
    const end = start + header.payloadBytes;
    if (header.isControl) return end > bytes.length ? undefined : this.#controlFrame(bytes, start, end);
    const refusal = this.#refusalOfData();
    if (refusal) return this.#violated(refusal);
    if (header.opcode !== OPCODES.continuation) this.#isBinary = header.opcode === OPCODES.binary;
    if (end <= bytes.length && header.isFinal && !this.#isFragmented) {
      this.#deliverFrame(bytes, offset, start);
      return end;
    }
    this.#isFragmented = true;
    this.#message ??= new MessageBuffer(this.#memory, header.payloadBytes);
    this.#missingBytes = header.payloadBytes;
    return header.payloadBytes === 0 ? this.#endOfFrame(bytes, start) : start;
  }

  #refusalOfData(): ProtocolViolation | undefined {
    const { opcode, payloadBytes } = this.#header;
    const isContinuation = opcode === OPCODES.continuation;
    if (isContinuation && !this.#isFragmented) return violation(1002, 'a continuation of nothing');
    if (!isContinuation && this.#isFragmented) return violation(1002, 'a message within a message');
    if (payloadBytes + (this.#message?.length ?? 0) <= this.#options.maxMessageBytes) return undefined;
    return violation(1009, 'the message is too large');
  }

  #controlFrame(bytes: Buffer, start: number, end: number): number {
    const payload = bytes.subarray(start, end);
    if (this.#header.maskKey !== undefined) applyMask(payload, this.#header.maskKey);
    this.#events.onControl(this.#header.opcode, payload);
    return end;
  }

  #deliverFrame(bytes: Buffer, frameStart: number, start: number): void {
    const { maskKey, payloadBytes, bytes: headerBytes } = this.#header;
    const end = start + payloadBytes;
    const isBehindOther = frameStart === this.#deliveredEnd;
    const moves = this.#closesGaps && isBehindOther && payloadBytes >= MOVES_FREELY_FROM_BYTES;
    const moved = moves ? this.#movedBytes + MASK_KEY_BYTES : 0;
    this.#deliveredEnd = end;
    this.#movedBytes = moved;
    const message = this.#inPlace;
    const { unmaskInto } = this.#options;
    message.isMasked = maskKey !== undefined && unmaskInto !== undefined && payloadBytes <= unmaskInto.length;
    const payload = message.isMasked
      ? (unmaskInto as Buffer).subarray(0, payloadBytes)
      : bytes.subarray(start - moved, end - moved);
    if (maskKey !== undefined) {
      if (moves || message.isMasked) moveMasked(bytes.subarray(start, end), maskKey, payload);
      else applyMask(payload, maskKey);
    }
    message.bytes = bytes;
    message.payloadStart = start - moved;
    message.headroomBytes = moves ? headerBytes - MASK_KEY_BYTES : headerBytes;
    message.isLast = end === bytes.length;
    message.maskKey = maskKey;
    this.#deliver(payload);
  }

  #continuePayload(bytes: Buffer, offset: number): number {
    const { maskKey, payloadBytes, isFinal } = this.#header;
    const missingBytes = this.#missingBytes;
    const end = Math.min(bytes.length, offset + missingBytes);
    const message = this.#message as MessageBuffer;
    const part = { offset: payloadBytes - missingBytes, maskKey, missingBytes, isFinal };
    message.append(bytes.subarray(offset, end), part);
    this.#missingBytes -= end - offset;
    return this.#missingBytes === 0 ? this.#endOfFrame(bytes, end) : end;
  }

  #endOfFrame(chunk: Buffer, next: number): number {
    if (!this.#header.isFinal) return next;
    const { bytes } = this.#message as MessageBuffer;
    this.#isFragmented = false;
    this.#message = undefined;
    const inPlace = this.#inPlace;
    inPlace.bytes = bytes;
    inPlace.payloadStart = MAX_HEADER_BYTES;
    inPlace.headroomBytes = MAX_HEADER_BYTES;
    inPlace.isLast = next === chunk.length;
    inPlace.isMasked = false;
    inPlace.maskKey = undefined;
    this.#deliver(bytes.subarray(MAX_HEADER_BYTES));
    return next;
  }

  #deliver(payload: Buffer): void {
    const message = this.#inPlace;
    message.payload = payload;
    message.isBinary = this.#isBinary;
    if (!this.#isBinary && this.#options.validatesUtf8 && !isUtf8(payload)) {
      this.#violated(violation(1007, 'text that is not UTF-8'));
    } else {
      this.#events.onMessage(message);
    }
    // A connection that is idle keeps no chunk.
    message.payload = NOTHING;
    message.bytes = NOTHING;
  }

  #violated(why: ProtocolViolation): undefined {
    this.stop();
    this.#events.onViolation(why);
  }
}
