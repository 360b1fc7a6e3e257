import { FlushTurn } from './flush-turn.ts';

describe('when frames leave', () => {
  class Queue {
    pendingFrames = 0;
    readonly flushed: number[] = [];
    flush(): void {
      if (this.pendingFrames === 0) return;
      this.flushed.push(this.pendingFrames);
      this.pendingFrames = 0;
    }
  }
  const addTo = (queue: Queue, turn: FlushTurn, isLast: boolean) => {
    queue.pendingFrames += 1;
    if (queue.pendingFrames === 1) turn.add(queue, isLast);
  };
  /** What reading a chunk does: frames for the queue, and then the ticks of that callback. */
  const chunkFor = async (queue: Queue, turn: FlushTurn, frames = 1) => {
    for (let index = 1; index <= frames; index += 1) addTo(queue, turn, index === frames);
    await new Promise((resolve) => process.nextTick(resolve));
  };
  const endOfTurn = () => new Promise(setImmediate);
  const busyTurns = async (queue: Queue, turn: FlushTurn, turns: number) => {
    for (let index = 0; index < turns; index += 1) {
      for (let chunk = 0; chunk < 15; chunk += 1) await chunkFor(queue, turn);
      await endOfTurn();
    }
  };

  it('is at once, within the call, while a turn brings one frame only', async () => {
    const [queue, turn] = [new Queue(), new FlushTurn()];
    for (let index = 1; index <= 100; index += 1) {
      addTo(queue, turn, true);
      expect(queue.flushed).toHaveLength(index);
      await endOfTurn();
    }
  });

  it('is after the chunk, together, for frames that came in one', async () => {
    const [queue, turn] = [new Queue(), new FlushTurn()];
    for (let index = 1; index <= 100; index += 1) {
      await chunkFor(queue, turn, 3);
      expect(queue.flushed).toEqual(Array(index).fill(3));
      await endOfTurn();
    }
  });

  it('is at the end of the turn while several chunks bring frames in one, and at once again when they do not', async () => {
    const [queue, turn] = [new Queue(), new FlushTurn()];
    await busyTurns(queue, turn, 40);
    expect(queue.flushed.at(-1)).toBe(15);
    expect(queue.flushed.reduce((sum, frames) => sum + frames, 0)).toBe(40 * 15);
    await chunkFor(queue, turn);
    await endOfTurn(); // shows that it is calm
    addTo(queue, turn, true);
    expect(queue.pendingFrames).toBe(0);
  });

  it('is at the end of the turn for the frames of every queue while several have some in one', async () => {
    const turn = new FlushTurn();
    const queues = Array.from({ length: 4 }, () => new Queue());
    for (let index = 0; index < 40; index += 1) {
      for (const queue of queues) await chunkFor(queue, turn);
      await endOfTurn();
    }
    for (const queue of queues) await chunkFor(queue, turn);
    expect(queues.map(({ pendingFrames }) => pendingFrames)).toEqual([1, 1, 1, 1]);
    await endOfTurn();
    expect(queues.map(({ flushed }) => flushed.length)).toEqual([41, 41, 41, 41]);
  });
});
