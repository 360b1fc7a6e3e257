import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { shellQuote, table } from './output.ts';

describe('words for a shell', () => {
  it('come back from a real shell as they were', () => {
    const text = fc.string({ unit: fc.constantFrom(...`abc '"\\$\`!*?;&|<>(){}[]#~\n\té`), maxLength: 20 });
    fc.assert(
      fc.property(text, (word) => {
        const { stdout } = {
          stdout: execFileSync('sh', ['-c', `printf %s ${shellQuote(word)}`], { encoding: 'utf8' }),
        };
        expect(stdout).toBe(word);
      }),
      { numRuns: 40 },
    );
  });

  it('are left alone when they need no quotes', () => {
    expect(shellQuote('http://127.0.0.1:8083/a?')).toBe("'http://127.0.0.1:8083/a?'");
    expect(shellQuote('http://127.0.0.1:8083')).toBe('http://127.0.0.1:8083');
  });
});

describe('text of a server', () => {
  it('stands in columns, without its control characters', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['1', 'x\u001b'],
          ['22', 'y'],
        ],
        'none',
      ),
    ).toBe('A   B\n1   x\n22  y');
    expect(table(['A'], [], 'none')).toBe('none');
  });
});
