import { collectGarbage } from './collect-garbage.ts';

describe('collectGarbage', () => {
  it('takes what is only held weakly, and leaves the rest', async () => {
    const held = { kept: true };
    const references = [new WeakRef(held), new WeakRef({ kept: false })];
    await collectGarbage();
    expect(references.map((reference) => reference.deref())).toEqual([held, undefined]);
  });
});
