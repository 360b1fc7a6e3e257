/** What can be flushed: everything that it holds leaves. */
export interface Flushable {
  /** How many frames would leave. */
  readonly pendingFrames: number;
  flush(): void;
}

/** While there is little to do, every so many times it is looked whether that is still so. A prime, so as not to fall into step with who sends. */
const LOOK_EVERY = 31;

/**
 * Decides when the frames of a turn of the event loop leave; one for all sockets of a process. While it is busy, at the end of the turn,
 * when everything that has arrived was read: what many peers sent to one leaves in one write. Otherwise a frame that ends its chunk leaves
 * at once, before anything else is done, and others right after the chunk that they came with: waiting for the end of a turn in which
 * nothing else happens costs more than it saves.
 */
export class FlushTurn {
  #waiting: Flushable[] = [];
  #isBusy = false;
  #calmTimes = 0;
  /** What `#calmTimes` was when the look began that is under way. */
  #lookedAt = 0;
  #isLooking = false;

  /**
   * A queue has its first frame.
   * @param isLast - nothing else came with it
   */
  add(queue: Flushable, isLast: boolean): void {
    if (this.#isBusy) {
      if (this.#waiting.push(queue) === 1) setImmediate(endTurn, this);
      return;
    }
    this.#calmTimes += 1;
    if (!this.#isLooking && this.#calmTimes >= LOOK_EVERY) this.#look();
    if (isLast) queue.flush();
    else process.nextTick(flushOne, queue);
  }

  /** The turn ends. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isBusy = waiting.length > 1 || (waiting[0]?.pendingFrames ?? 0) > 1;
    for (const queue of waiting) queue.flush();
  }

  /** A turn in which anything leaves beside this one would be better off with one write for all of it. */
  #look(): void {
    this.#isLooking = true;
    this.#lookedAt = this.#calmTimes;
    setImmediate(endLook, this);
  }

  /** The turn that was looked at ends. */
  endLook(): void {
    this.#isBusy = this.#calmTimes > this.#lookedAt;
    this.#isLooking = false;
    this.#calmTimes = 0;
  }
}

function flushOne(queue: Flushable): void {
  queue.flush();
}

function endTurn(turn: FlushTurn): void {
  turn.end();
}

function endLook(turn: FlushTurn): void {
  turn.endLook();
}
