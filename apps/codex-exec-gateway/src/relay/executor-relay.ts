import { encodeReset, type FrameKind, peekFrame, StreamIds } from '@codex-gateways/relay-protocol';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { FrameSink } from './frame-sink.ts';
import type { HarnessConnection } from './harness-connection.ts';
import type { Direction, RelayTally } from './relay-tally.ts';

/** Reasons of resets that the gateway itself sends. */
export const RESET_REASONS = {
  unknownStream: 'unknown_stream',
  foreignStream: 'stream_belongs_to_another_connection',
  tooManyStreams: 'too_many_streams',
  harnessGone: 'harness_disconnected',
} as const;

/** A frame of these kinds may be the first of a stream; an answer or a farewell to no stream at all may not. */
const OPENING_KINDS: ReadonlySet<FrameKind> = new Set(['resume', 'handshake', 'data']);

/**
 * The streams of one executor connection. Frames are routed by a look at their stream id and passed on as the bytes they
 * came in. A stream belongs to the harness connection whose frame opened it, until either side resets it or the connection ends.
 */
export class ExecutorRelay {
  readonly #executor: FrameSink;
  readonly #tally: RelayTally;
  readonly #maxStreams: number;
  readonly #maxStreamsPerHarness: number;
  readonly #onOverflow: () => void;
  readonly #seenStreamIds = new StreamIds();
  readonly #streams = new Map<string, HarnessConnection>();
  readonly #harnesses = new Set<HarnessConnection>();

  /** @param onOverflow - the executor does not read: what waits for it is over the limit although its harnesses pause */
  constructor({
    executor,
    tally,
    limits,
    onOverflow,
  }: {
    executor: FrameSink;
    tally: RelayTally;
    limits: { streamsPerExecutor: number; streamsPerHarness: number };
    onOverflow: () => void;
  }) {
    this.#executor = executor;
    this.#tally = tally;
    this.#maxStreams = limits.streamsPerExecutor;
    this.#maxStreamsPerHarness = limits.streamsPerHarness;
    this.#onOverflow = onOverflow;
  }

  get harnesses(): ReadonlySet<HarnessConnection> {
    return this.#harnesses;
  }

  /** What waits to be sent, by where it goes. */
  get queuedBytes(): Readonly<Record<Direction, number>> {
    let toHarness = 0;
    for (const { sink } of this.#harnesses) toHarness += sink.queuedBytes;
    return { to_executor: this.#executor.queuedBytes, to_harness: toHarness };
  }

  attach(harness: HarnessConnection): void {
    this.#harnesses.add(harness);
    if (this.#executor.isCongested) harness.pause();
  }

  /** Forgets a harness connection and resets its streams at the executor. */
  detach(harness: HarnessConnection): void {
    if (!this.#harnesses.delete(harness)) return;
    for (const streamId of harness.streamIds) {
      this.#streams.delete(streamId);
      this.#tally.liveStreams -= 1;
      this.#executor.send(encodeReset(streamId, RESET_REASONS.harnessGone));
    }
    harness.streamIds.clear();
  }

  /** The executor's connection is over: so are its streams. The caller closes the harnesses it gets back. */
  dissolve(): readonly HarnessConnection[] {
    const orphans = [...this.#harnesses];
    this.#tally.liveStreams -= this.#streams.size;
    this.#streams.clear();
    this.#harnesses.clear();
    for (const harness of orphans) harness.streamIds.clear();
    return orphans;
  }

  /** Pauses what feeds the executor, or lets it go on. */
  setPressure(isCongested: boolean): void {
    for (const harness of this.#harnesses) {
      if (isCongested) harness.pause();
      else harness.resume();
    }
  }

  /** @param from - the socket that is delivering `bytes`, which are forwarded */
  fromHarness(harness: HarnessConnection, bytes: Buffer, from: FrameSocket): void {
    const peek = peekFrame(bytes, harness.seenStreamIds);
    if (!peek.ok) {
      this.#tally.drop(peek.reason);
      return;
    }
    const { streamId, kind } = peek.frame;
    if (!this.#mayUse(harness, streamId, kind)) return;
    const outcome = this.#executor.forward(from);
    if (outcome === 'sent') this.#tally.relayed('to_executor', bytes.length);
    else this.#tally.drop(outcome === 'full' ? 'executor_buffer_full' : 'peer_closing');
    if (kind === 'reset') this.#end(streamId, harness);
    if (outcome === 'full') this.#onOverflow();
  }

  /** @param from - the socket that is delivering `bytes`, which are forwarded */
  fromExecutor(bytes: Buffer, from: FrameSocket): void {
    const peek = peekFrame(bytes, this.#seenStreamIds);
    if (!peek.ok) {
      this.#tally.drop(peek.reason);
      return;
    }
    const { streamId, kind } = peek.frame;
    const harness = this.#streams.get(streamId);
    if (!harness) {
      this.#tally.drop('unknown_stream');
      // A reset is never answered with a reset; nor is an executor that does not read its answers.
      if (kind !== 'reset' && !this.#executor.isCongested) {
        this.#executor.send(encodeReset(streamId, RESET_REASONS.unknownStream));
      }
      return;
    }
    const outcome = harness.sink.forward(from);
    if (outcome === 'sent') this.#tally.relayed('to_harness', bytes.length);
    else this.#tally.drop(outcome === 'full' ? 'harness_buffer_full' : 'peer_closing');
    if (kind === 'reset') this.#end(streamId, harness);
    if (outcome === 'full') harness.overflow();
  }

  /** Whether the harness owns the stream, opening it if it is new. Otherwise the sender is told, and nobody else. */
  #mayUse(harness: HarnessConnection, streamId: string, kind: FrameKind): boolean {
    const owner = this.#streams.get(streamId);
    if (owner === harness) return true;
    if (owner) return this.#refuse(harness, streamId, { kind, drop: 'foreign_stream', reset: 'foreignStream' });
    if (!OPENING_KINDS.has(kind)) {
      return this.#refuse(harness, streamId, { kind, drop: 'unknown_stream', reset: 'unknownStream' });
    }
    if (this.#streams.size >= this.#maxStreams || harness.streamIds.size >= this.#maxStreamsPerHarness) {
      return this.#refuse(harness, streamId, { kind, drop: 'too_many_streams', reset: 'tooManyStreams' });
    }
    this.#streams.set(streamId, harness);
    harness.streamIds.add(streamId);
    this.#tally.liveStreams += 1;
    return true;
  }

  #refuse(
    harness: HarnessConnection,
    streamId: string,
    why: {
      kind: FrameKind;
      drop: 'foreign_stream' | 'unknown_stream' | 'too_many_streams';
      reset: keyof typeof RESET_REASONS;
    },
  ): false {
    this.#tally.drop(why.drop);
    if (why.kind === 'reset') return false;
    if (harness.sink.send(encodeReset(streamId, RESET_REASONS[why.reset])) === 'full') harness.overflow();
    return false;
  }

  #end(streamId: string, harness: HarnessConnection): void {
    if (!this.#streams.delete(streamId)) return;
    harness.streamIds.delete(streamId);
    this.#tally.liveStreams -= 1;
  }
}
