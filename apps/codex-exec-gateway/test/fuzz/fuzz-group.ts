import { waitFor } from '@codex-gateways/testing';
import { frame, readReset } from '../support/frames.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { FuzzPeer } from './fuzz-peer.ts';
import { InFlight } from './in-flight.ts';
import { largestFrame, mutated, readLoosely, validFrame } from './mutate-frame.ts';
import type { Random } from './random.ts';
import { brokenWire, fragmented } from './wire-mutations.ts';

const HARNESSES = 3;
const STREAMS_EACH = 3;
/** So many frames at most leave in one write. */
const FRAMES_AT_ONCE = 200;
/** Broken WebSockets end connections, and connections cost more than frames. */
const BROKEN_SHARE = { harness: 0.002, executor: 0.0002 } as const;
const FOREIGN = 'stream_belongs_to_another_connection';

/** A stream that stays open, and is watched, for as long as its harness is connected. */
interface WatchedStream {
  readonly id: string;
  readonly owner: FuzzHarness;
  readonly toExecutor: InFlight;
  readonly toHarness: InFlight;
}

class FuzzHarness {
  peer: FuzzPeer | undefined;
  streams: WatchedStream[] = [];
  /** Every stream id that it ever sent on this connection, as bytes in latin1. */
  readonly sentIds = new Set<string>();
}

export interface FuzzUrls {
  readonly executor: string;
  /** A new bridge for the harness of that number. */
  harness(number: number): Promise<string>;
}

/**
 * One executor and its harnesses, all of which send valid, mutated and random frames, into their own streams and into each
 * other's. Whatever arrives on a watched stream must have been sent on it by its other end, in order; valid frames must arrive.
 */
export class FuzzGroup {
  readonly violations: string[] = [];
  readonly counts = { valid: 0, mutated: 0, foreign: 0, fragmented: 0, broken: 0 };
  readonly #random: Random;
  readonly #urls: FuzzUrls;
  readonly #harnesses = Array.from({ length: HARNESSES }, () => new FuzzHarness());
  readonly #watched = new Map<string, WatchedStream>();
  #executor: FuzzPeer | undefined;

  constructor(random: Random, urls: FuzzUrls) {
    this.#random = random;
    this.#urls = urls;
  }

  /**
   * Sends frames, and waits until all has arrived that has to.
   * @returns how many: fewer than asked for when the executor's connection is spoilt
   */
  async batch(frames: number): Promise<number> {
    await this.#reconnect();
    let sent = 0;
    while (sent < frames && !this.#isSpoilt(this.#executor)) {
      const end = Math.min(frames, sent + 1 + this.#random.below(FRAMES_AT_ONCE));
      for (const peer of this.#peers()) peer.cork();
      for (; sent < end && !this.#isSpoilt(this.#executor); sent += 1) this.#sendOne();
      for (const peer of this.#peers()) peer.uncork();
    }
    if (!this.#isSpoilt(this.#executor)) await this.#settle();
    return sent;
  }

  #sendOne(): void {
    if (this.#random.chance(0.4)) this.#executorSends();
    else this.#harnessSends(this.#random.pick(this.#harnesses));
  }

  #peers(): FuzzPeer[] {
    return [this.#executor, ...this.#harnesses.map(({ peer }) => peer)].filter((peer) => peer !== undefined);
  }

  async close(): Promise<void> {
    await this.#executor?.end();
    for (const { peer } of this.#harnesses) await peer?.end();
  }

  #isSpoilt(peer: FuzzPeer | undefined): boolean {
    return peer?.isSpoilt ?? true;
  }

  async #reconnect(): Promise<void> {
    if (this.#isSpoilt(this.#executor)) {
      await this.close();
      for (const harness of this.#harnesses) this.#unwatch(harness);
      this.#executor = await FuzzPeer.connect(this.#urls.executor, (bytes) => this.#atExecutor(bytes));
    }
    for (const [number, harness] of this.#harnesses.entries()) {
      if (!this.#isSpoilt(harness.peer) && harness.streams.length > 0) continue;
      await harness.peer?.end();
      harness.sentIds.clear();
      harness.peer = await FuzzPeer.connect(await this.#urls.harness(number), (bytes) => this.#at(harness, bytes));
      for (let index = 0; index < STREAMS_EACH; index += 1) this.#open(harness);
    }
    await this.#settle();
  }

  #open(owner: FuzzHarness): void {
    // Not to be hit upon by a mutation of another one before it is open.
    const id = `watched-${this.#random.bytes(8).toString('hex')}`;
    const stream = { id, owner, toExecutor: new InFlight(), toHarness: new InFlight() };
    owner.streams.push(stream);
    this.#watched.set(id, stream);
    this.#say(owner, frame('resume', id), true);
  }

  #unwatch(harness: FuzzHarness): void {
    for (const { id } of harness.streams) this.#watched.delete(id);
    harness.streams = [];
  }

  /** All that was sent before has been dealt with once these have come, since the relay keeps the order. */
  async #settle(): Promise<void> {
    for (const stream of this.#watched.values()) {
      this.#say(stream.owner, frame('data', stream.id, 'the end'), true);
      this.#executorSays(frame('data', stream.id, 'the end'), true);
    }
    const isSettled = () =>
      this.violations.length > 0 ||
      [...this.#watched.values()].every(({ toExecutor, toHarness }) => toExecutor.isEmpty && toHarness.isEmpty);
    const closed = () => this.#peers().find((peer) => !peer.isSpoilt && peer.closedWith !== undefined);
    await waitFor(() => isSettled() || closed(), {
      timeoutMs: PATIENCE_MS,
      intervalMs: 1,
      describe: 'valid frames to arrive',
    });
    const lost = closed();
    if (lost) this.violations.push(`frames closed a connection with ${lost.closedWith}`);
  }

  #frameFor(streamId: string): { bytes: Buffer; isValid: boolean } {
    const random = this.#random;
    const base = validFrame(random, streamId);
    if (random.chance(0.4)) return { bytes: base, isValid: true };
    if (random.chance(0.1)) return { bytes: random.bytes(random.below(200)), isValid: false };
    const bytes = mutated(random, base, validFrame(random, this.#anyStream()));
    const { streamId: found, mayReset } = readLoosely(bytes);
    // A reset would end the stream that is watched, and rightly.
    return mayReset && found !== undefined && this.#watched.has(found)
      ? { bytes: base, isValid: true }
      : { bytes, isValid: bytes.equals(base) };
  }

  #anyStream(): string {
    return this.#random.chance(0.8)
      ? this.#random.pick([...this.#watched.keys(), 'nobody-knows-it'])
      : `other-${this.#random.below(200)}`;
  }

  #harnessSends(harness: FuzzHarness): void {
    const random = this.#random;
    const own = random.pick(harness.streams.length > 0 ? harness.streams : [undefined])?.id;
    if (own === undefined) return;
    if (random.chance(BROKEN_SHARE.harness)) {
      this.#break(harness.peer, own);
      this.#unwatch(harness);
    } else if (random.chance(0.1)) {
      this.counts.foreign += 1;
      const { id } = random.pick([...this.#watched.values()]);
      const attack = random.chance(0.2) ? frame('reset', id, 'mine') : validFrame(random, id);
      const isOwn = this.#watched.get(id)?.owner === harness;
      if (!isOwn) this.#note(harness, attack);
      if (!isOwn) harness.peer?.send(attack);
    } else if (random.chance(0.02)) {
      this.counts.fragmented += 1;
      const message = validFrame(random, own);
      this.#watched.get(own)?.toExecutor.add(message, true);
      harness.peer?.sendRaw(fragmented(random, message));
    } else if (random.chance(0.0005)) {
      this.#say(harness, largestFrame(own), true);
    } else {
      const { bytes, isValid } = this.#frameFor(random.chance(0.7) ? own : `other-${random.below(200)}`);
      this.#say(harness, bytes, isValid);
    }
  }

  #executorSends(): void {
    const random = this.#random;
    const stream = this.#anyStream();
    if (random.chance(BROKEN_SHARE.executor)) {
      this.#break(this.#executor, stream);
      for (const harness of this.#harnesses) this.#unwatch(harness);
    } else {
      const { bytes, isValid } = this.#frameFor(stream);
      this.#executorSays(bytes, isValid);
    }
  }

  /** What follows the broken bytes is read in the wrong place, if it is read at all. */
  #break(peer: FuzzPeer | undefined, streamId: string): void {
    if (!peer) return;
    this.counts.broken += 1;
    peer.isSpoilt = true;
    peer.sendRaw(brokenWire(this.#random, validFrame(this.#random, streamId)));
    for (let index = this.#random.below(4); index > 0; index -= 1) peer.send(validFrame(this.#random, streamId));
  }

  #say(harness: FuzzHarness, bytes: Buffer, isValid: boolean): void {
    if (harness.peer?.isSpoilt) return;
    const streamId = this.#note(harness, bytes);
    const stream = streamId === undefined ? undefined : this.#watched.get(streamId);
    if (stream?.owner === harness) stream.toExecutor.add(bytes, isValid);
    harness.peer?.send(bytes);
    this.counts[isValid ? 'valid' : 'mutated'] += 1;
  }

  #executorSays(bytes: Buffer, isValid: boolean): void {
    const { streamId } = readLoosely(bytes);
    if (streamId !== undefined) this.#watched.get(streamId)?.toHarness.add(bytes, isValid);
    this.#executor?.send(bytes);
    this.counts[isValid ? 'valid' : 'mutated'] += 1;
  }

  #note(harness: FuzzHarness, bytes: Buffer): string | undefined {
    const { streamId } = readLoosely(bytes);
    if (streamId !== undefined) harness.sentIds.add(streamId);
    return streamId;
  }

  #atExecutor(bytes: Buffer): void {
    const { streamId = '' } = readLoosely(bytes);
    const stream = this.#watched.get(streamId);
    if (!stream) return;
    const wrong = stream.toExecutor.arrived(bytes);
    if (wrong) this.violations.push(`executor, ${streamId}: ${wrong}`);
  }

  #at(harness: FuzzHarness, bytes: Buffer): void {
    const { streamId = '' } = readLoosely(bytes);
    const stream = this.#watched.get(streamId);
    if (stream?.owner === harness) {
      const wrong = stream.toHarness.arrived(bytes);
      if (wrong) this.violations.push(`harness, ${streamId}: ${wrong}`);
    } else if (stream) {
      if (readReset(bytes)?.reason !== FOREIGN)
        this.violations.push(`a harness got a frame of ${streamId}, not its own`);
    } else if (!this.#isSpoilt(harness.peer) && !harness.sentIds.has(streamId)) {
      this.violations.push(`a harness got a frame of ${streamId}, into which it never sent`);
    }
  }
}
