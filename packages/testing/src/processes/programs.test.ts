import { describeWith, findProgram } from './programs.ts';

describe('findProgram', () => {
  it('finds what a shell would find', () => {
    expect(findProgram('sh')).toMatch(/^\/.*\/sh$/);
    expect(findProgram('sh', '')).toBeUndefined();
  });

  it('finds what lies among the servers, where a PATH need not lead', () => {
    const { PATH } = process.env;
    process.env.PATH = '';
    try {
      expect(findProgram('chroot')).toBe('/usr/sbin/chroot');
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('finds no program where there is none', () => {
    expect(findProgram('no-such-program')).toBeUndefined();
    expect(findProgram('passwd', '/etc')).toBeUndefined(); // a file, but not to be executed
  });
});

describe('describeWith', () => {
  it('describes where all programs are there, and skips where one is not', () => {
    expect(describeWith('sh')).toBe(describe);
    expect(describeWith('sh', 'no-such-program')).toBe(describe.skip);
  });
});
