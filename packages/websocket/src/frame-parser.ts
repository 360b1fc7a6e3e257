import { isUtf8 } from 'node:buffer';
import { FrameHeader, MAX_HEADER_BYTES, OPCODES, type Role } from './frame-header.ts';
import { applyMask, moveMasked } from './masking.ts';
import { MessageBuffer } from './message-buffer.ts';
import { MessageInPlace, NOTHING } from './message-in-place.ts';
import { type ProtocolViolation, violation } from './protocol-violation.ts';
import { MAX_STASH_BYTES, type StashPool } from './stash-pool.ts';

/** Learns what was read. A listener may stop the parser. */
export interface FrameEvents {
  /** @param message - valid during the call; the object and its memory are used again for the next one */
  onMessage(message: MessageInPlace): void;
  /** @param payload - not masked, in the chunk that it came with, which is used again */
  onControl(opcode: number, payload: Buffer): void;
  /** Called once; nothing is read after it. */
  onViolation(violation: ProtocolViolation): void;
}

export interface FrameParserOptions {
  readonly role: Role;
  /** The longest message, all of its fragments together. */
  readonly maxMessageBytes: number;
  readonly validatesUtf8: boolean;
  /** Where masked messages that came as one frame, and that fit, are unmasked, so that the chunk keeps them as they came. */
  readonly unmaskInto?: Buffer;
  readonly stashes: StashPool;
}

/**
 * Reads the frames of one peer, RFC 6455 §5, out of the chunks that they arrive in. A frame of up to 64 KiB that two chunks have is put
 * in front of the second one, so that it lies there as a whole and is delivered as a view of it, as one is that came with one chunk; what
 * is larger, or came in more parts, is put together elsewhere. Unmasks in the chunks.
 */
export class FrameParser {
  readonly #events: FrameEvents;
  readonly #options: FrameParserOptions;
  readonly #part: { end: number; readonly expectsMask: boolean };
  readonly #header = new FrameHeader();
  /** The beginning of a frame whose rest has not come. */
  #stash: Buffer | undefined;
  #stashedBytes = 0;
  /** Where a frame begins whose beginning had come before this chunk. */
  #stashedAt = -1;
  /** The message that is being put together. */
  #message: MessageBuffer | undefined;
  #isBinary = false;
  /** What is still to come of the payload of the data frame that the header announced. */
  #missingBytes = 0;
  #isFragmented = false;
  #isStopped = false;
  readonly #inPlace = new MessageInPlace();

  constructor(options: FrameParserOptions, events: FrameEvents) {
    this.#options = options;
    this.#part = { end: 0, expectsMask: options.role === 'server' };
    this.#events = events;
  }

  /** Nothing is delivered any more. */
  stop(): void {
    this.#isStopped = true;
    this.#dropStash();
    this.#message = undefined;
  }

  /** @param memory - has a chunk from `start` to `end`, and room for `MAX_STASH_BYTES` before it; all of it may be written to */
  push(memory: Buffer, start: number, end: number): void {
    this.#part.end = end;
    let offset = this.#unstash(memory, start);
    while (offset < end && !this.#isStopped) {
      const next = this.#missingBytes > 0 ? this.#continuePayload(memory, offset) : this.#readFrame(memory, offset);
      if (next === undefined) {
        if (!this.#isStopped) this.#keep(memory, offset, end);
        return;
      }
      offset = next;
    }
  }

  /** @returns where the bytes begin that are to be read */
  #unstash(memory: Buffer, start: number): number {
    const stash = this.#stash;
    this.#stashedAt = -1;
    if (!stash) return start;
    this.#stashedAt = start - this.#stashedBytes;
    stash.copy(memory, this.#stashedAt, 0, this.#stashedBytes);
    this.#dropStash();
    return this.#stashedAt;
  }

  #keep(memory: Buffer, offset: number, end: number): void {
    this.#stash = this.#options.stashes.take(end - offset);
    this.#stashedBytes = memory.copy(this.#stash, 0, offset, end);
  }

  #dropStash(): void {
    if (this.#stash) this.#options.stashes.giveBack(this.#stash);
    this.#stash = undefined;
  }

  /** @returns where the next frame begins; undefined when this one has to wait for more, or was the last */
  #readFrame(bytes: Buffer, offset: number): number | undefined {
    const header = this.#header;
    const outcome = header.read(bytes, offset, this.#part);
    if (outcome === false) return undefined;
    if (outcome !== true) return this.#violated(outcome);
    const start = offset + header.bytes;
    const end = start + header.payloadBytes;
    const isWhole = end <= this.#part.end;
    if (header.isControl) return isWhole ? this.#controlFrame(bytes, start, end) : undefined;
    const refusal = this.#refusalOfData();
    if (refusal) return this.#violated(refusal);
    if (header.opcode !== OPCODES.continuation) this.#isBinary = header.opcode === OPCODES.binary;
    if (header.isFinal && !this.#isFragmented) {
      if (isWhole) return this.#deliverFrame(bytes, offset, start);
      // Once: who sends a frame byte by byte must not have all of it copied for every one.
      if (offset !== this.#stashedAt && end - offset <= MAX_STASH_BYTES) return undefined;
    }
    this.#isFragmented = true;
    this.#message ??= new MessageBuffer(header.payloadBytes);
    this.#missingBytes = header.payloadBytes;
    return header.payloadBytes === 0 ? this.#endOfFrame(start) : start;
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

  #deliverFrame(bytes: Buffer, frameStart: number, start: number): number {
    const { maskKey, payloadBytes } = this.#header;
    const end = start + payloadBytes;
    const message = this.#inPlace;
    message.isLast = end === this.#part.end;
    let payload = bytes.subarray(start, end);
    const { unmaskInto } = this.#options;
    if (maskKey !== undefined && unmaskInto && payloadBytes <= unmaskInto.length) {
      message.masked = bytes;
      message.frameStart = frameStart;
      message.frameEnd = end;
      const masked = payload;
      payload = unmaskInto.subarray(0, payloadBytes);
      moveMasked(masked, maskKey, payload);
    } else if (maskKey !== undefined) {
      applyMask(payload, maskKey);
    }
    this.#deliver(payload);
    return end;
  }

  #continuePayload(bytes: Buffer, offset: number): number {
    const { maskKey, payloadBytes, isFinal } = this.#header;
    const missingBytes = this.#missingBytes;
    const end = Math.min(this.#part.end, offset + missingBytes);
    const message = this.#message as MessageBuffer;
    const part = { offset: payloadBytes - missingBytes, maskKey, missingBytes, isFinal };
    message.append(bytes.subarray(offset, end), part);
    this.#missingBytes -= end - offset;
    return this.#missingBytes === 0 ? this.#endOfFrame(end) : end;
  }

  #endOfFrame(next: number): number {
    if (!this.#header.isFinal) return next;
    const { bytes } = this.#message as MessageBuffer;
    this.#isFragmented = false;
    this.#message = undefined;
    this.#inPlace.own = bytes;
    this.#inPlace.isLast = next === this.#part.end;
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
    // A connection that is idle keeps no memory.
    message.payload = NOTHING;
    message.masked = undefined;
    message.own = undefined;
  }

  #violated(why: ProtocolViolation): undefined {
    this.stop();
    this.#events.onViolation(why);
  }
}
