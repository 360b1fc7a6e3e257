/** What can be flushed: everything that it holds leaves. */
export interface Flushable {
  /** How many frames would leave. */
  readonly pendingFrames: number;
  flush(): void;
}

/** While there is little to do, every so many times it is looked whether that is still so. */
const LOOK_EVERY = 32;

/**
 * Decides when the frames of a turn of the event loop leave; one for all sockets of a process. While it is busy, at the end of the turn,
 * when everything that has arrived was read: what many peers sent to one leaves in one write. Otherwise right after the chunk that they came
 * with, since waiting for the end of a turn in which nothing else happens costs more than it saves.
 */
export class FlushTurn {
  #waiting: Flushable[] = [];
  #isBusy = false;
  #calmTimes = 0;

  add(queue: Flushable): void {
    this.#calmTimes += 1;
    if (!this.#isBusy && this.#calmTimes < LOOK_EVERY) process.nextTick(flushOne, queue);
    else if (this.#waiting.push(queue) === 1) setImmediate(endTurn, this);
  }

  /** The turn ends. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#calmTimes = 0;
    this.#isBusy = waiting.length > 1 || (waiting[0]?.pendingFrames ?? 0) > 1;
    for (const queue of waiting) queue.flush();
  }
}

function flushOne(queue: Flushable): void {
  queue.flush();
}

function endTurn(turn: FlushTurn): void {
  turn.end();
}
