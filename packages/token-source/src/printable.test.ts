import { printable } from './printable.ts';

describe('text of a stranger', () => {
  it.each([
    ['escape sequences', 'a\u001b[2Jb', 'a [2Jb'],
    ['C1 controls', 'a\u009b2Jb', 'a 2Jb'],
    ['line breaks', 'a\r\nb\u2028c', 'a  b c'],
    ['direction overrides', 'a\u202eb\u2066c', 'a b c'],
    ['half characters', 'a\ud800b', 'a b'],
  ])('loses its %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('keeps letters of every script, and pictures', () => {
    expect(printable('Zoë Ω 日本 🔑')).toBe('Zoë Ω 日本 🔑');
  });
});
