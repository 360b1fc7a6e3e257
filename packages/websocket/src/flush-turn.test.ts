import { FlushTurn } from './flush-turn.ts';

describe('when frames leave', () => {
  class Queue {
    pendingFrames = 0;
    readonly flushed: number[] = [];
    flush(): void {
      this.flushed.push(this.pendingFrames);
      this.pendingFrames = 0;
    }
  }
  /** What reading a chunk does: one frame for the queue, and then the ticks of that callback. */
  const chunkFor = async (queue: Queue, turn: FlushTurn) => {
    queue.pendingFrames += 1;
    if (queue.pendingFrames === 1) turn.add(queue);
    await new Promise((resolve) => process.nextTick(resolve));
  };
  const endOfTurn = () => new Promise(setImmediate);

  it('is at once while a turn brings one frame only', async () => {
    const [queue, turn] = [new Queue(), new FlushTurn()];
    for (let index = 1; index <= 20; index += 1) {
      await chunkFor(queue, turn);
      expect(queue.flushed).toHaveLength(index);
      await endOfTurn();
    }
  });

  it('is at the end of the turn while several chunks bring frames in one, and at once again when they do not', async () => {
    const [queue, turn] = [new Queue(), new FlushTurn()];
    for (let index = 0; index < 40; index += 1) {
      for (let chunk = 0; chunk < 15; chunk += 1) await chunkFor(queue, turn);
      await endOfTurn();
    }
    expect(queue.flushed.at(-1)).toBe(15);
    expect(queue.flushed.reduce((sum, frames) => sum + frames, 0)).toBe(40 * 15);
    await chunkFor(queue, turn);
    await endOfTurn(); // shows that it is calm
    await chunkFor(queue, turn);
    expect(queue.pendingFrames).toBe(0);
  });
});
