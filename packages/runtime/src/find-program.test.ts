import { findProgram } from './find-program.ts';

describe('findProgram', () => {
  it('finds what a shell would find', () => {
    expect(findProgram('sh', process.env.PATH ?? '')).toMatch(/^\/.*\/sh$/);
    expect(findProgram('sh', '', [])).toBeUndefined();
  });

  it('finds what lies among the servers, where a PATH need not lead', () => {
    expect(findProgram('chroot', '')).toBe('/usr/sbin/chroot');
  });

  it('finds no program where there is none', () => {
    expect(findProgram('no-such-program', process.env.PATH ?? '')).toBeUndefined();
    expect(findProgram('passwd', '/etc', [])).toBeUndefined(); // a file, but not to be executed
  });
});
