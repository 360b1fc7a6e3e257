/** Collects what has to be undone when the tests of a file are over. */
export interface Cleanup {
  /**
   * Runs `undo` after the tests of this file, last registered first, whether they passed or not. At once when the tests are over
   * already: a test that took too long goes on, and what it opens then would keep jest from its end.
   */
  after(undo: () => unknown): void;
}

/**
 * Registers an `afterAll` (call it at the top of a test file or inside a `describe`) that runs every registered undo,
 * the later ones also when an earlier one failed.
 */
export function useCleanup(): Cleanup {
  const undos: (() => unknown)[] = [];
  let isOver = false;
  afterAll(async () => {
    isOver = true;
    const failures: unknown[] = [];
    for (const undo of undos.reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'cleaning up after the tests failed');
  });
  return {
    after: (undo) => {
      if (isOver) void undoAtOnce(undo);
      else undos.push(undo);
    },
  };
}

/** Nobody hears of its failure any more: the test that left it has failed before. */
async function undoAtOnce(undo: () => unknown): Promise<void> {
  try {
    await undo();
  } catch {}
}
