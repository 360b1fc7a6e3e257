import { useCleanup } from './use-cleanup.ts';

describe('useCleanup', () => {
  const done: string[] = [];

  describe('while the tests run', () => {
    const cleanup = useCleanup();

    it('undoes nothing', () => {
      cleanup.after(() => done.push('first'));
      cleanup.after(() => Promise.resolve().then(() => done.push('second')));
      expect(done).toEqual([]);
    });

    afterAll(() => expect(done).toEqual(['second', 'first'])); // runs after the one of useCleanup, see its place
  });

  describe('when the tests are over', () => {
    const { after } = useCleanup();
    let isLate = false;
    afterAll(() => {
      after(() => {
        isLate = true;
      });
      after(() => Promise.reject(new Error('fails')));
      expect(isLate).toBe(true);
    });

    it('has undone what was registered, last first', () => {
      expect(done).toEqual(['second', 'first']);
    });
  });
});
