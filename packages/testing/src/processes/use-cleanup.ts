/** Collects what has to be undone when the tests of a file are over. */
export interface Cleanup {
  /** Runs `undo` after the tests of this file, last registered first, whether they passed or not. */
  after(undo: () => unknown): void;
}

/**
 * Registers an `afterAll` (call it at the top of a test file or inside a `describe`) that runs every registered undo,
 * the later ones also when an earlier one failed.
 */
export function useCleanup(): Cleanup {
  const undos: (() => unknown)[] = [];
  afterAll(async () => {
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
  return { after: (undo) => undos.push(undo) };
}
