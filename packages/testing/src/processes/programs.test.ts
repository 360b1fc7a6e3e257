import { describeWith, findProgram } from './programs.ts';

describe('findProgram', () => {
  it('looks on the PATH of this process', () => {
    expect(findProgram('sh')).toMatch(/^\/.*\/sh$/);
    expect(findProgram('no-such-program')).toBeUndefined();
  });
});

describe('describeWith', () => {
  it('describes where all programs are there, and skips where one is not', () => {
    expect(describeWith('sh')).toBe(describe);
    expect(describeWith('sh', 'no-such-program')).toBe(describe.skip);
  });
});
