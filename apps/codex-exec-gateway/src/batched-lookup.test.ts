import { BatchedLookup } from './batched-lookup.ts';

describe('looking many things up at once', () => {
  /** Answers when the test says so. */
  const open = (batchSize?: number) => {
    const batches: { questions: readonly number[]; answer(): void; fail(): void }[] = [];
    const lookup = new BatchedLookup<number, string>(
      (questions) =>
        new Promise((resolve, reject) => {
          batches.push({
            questions,
            answer: () => resolve(questions.map((question) => (question < 0 ? undefined : `${question}`))),
            fail: () => reject(new Error('away')),
          });
        }),
      batchSize,
    );
    return { batches, lookup };
  };

  it('asks at once, and then for all that has queued up meanwhile', async () => {
    const { batches, lookup } = open();
    const answers = [1, 2, -3, 4].map((question) => lookup.find(question));
    expect(batches.map(({ questions }) => questions)).toEqual([[1]]);
    batches[0]?.answer();
    expect(await answers[0]).toBe('1');
    expect(batches[1]?.questions).toEqual([2, -3, 4]);
    batches[1]?.answer();
    expect(await Promise.all(answers)).toEqual(['1', '2', undefined, '4']);
    const later = lookup.find(5);
    expect(batches[2]?.questions).toEqual([5]);
    batches[2]?.answer();
    expect(await later).toBe('5');
  });

  it('asks for no more than a batch, and a failure is that of its batch alone', async () => {
    const { batches, lookup } = open(2);
    const outcomes = [1, 2, 3, 4].map((question) => lookup.find(question).catch((error: Error) => error.message));
    batches[0]?.answer();
    await outcomes[0];
    batches[1]?.fail();
    expect(await Promise.all([outcomes[1], outcomes[2]])).toEqual(['away', 'away']);
    expect(batches[2]?.questions).toEqual([4]);
    batches[2]?.answer();
    expect(await outcomes[3]).toBe('4');
  });
});
