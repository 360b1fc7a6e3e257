import fc from 'fast-check';
import { countKeys, scanJson } from './json-scan.ts';

const problemOf = (json: string) => {
  const { problem, keyCount } = scanJson(Buffer.from(json));
  if (problem || json === '') return problem;
  return countKeys(JSON.parse(json)) === keyCount ? undefined : 'repeated_key';
};

describe('the look over a JSON text before it is parsed', () => {
  it.each([
    '{"method":"a","method":"b"}',
    '{"a":1,"b":{"c":[{"d":1,"d":2}]}}',
    '{"method":"a","meth\\u006fd":"b"}',
    '{"a" : 1 , "a"\n:\t2}',
    '{"a\\"b":1,"a\\u0022b":2}',
    '{"":1,"":2}',
    '{"a":{"x":1},"b":"}","a":2}',
    '{"__proto__":1,"__proto__":2}',
  ])('finds the repeated key in %s', (json) => {
    expect(() => JSON.parse(json)).not.toThrow();
    expect(problemOf(json)).toBe('repeated_key');
  });

  it.each([
    '{"a":{"a":{"a":1}},"b":{"a":2}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":"a"}',
    '{"a":["a","a","a"]}',
    '{"a":"\\",\\"a\\":1"}',
    '{"a":"\\\\","b":1}',
    '{"A":1,"a":2}',
    '"a"',
    '12',
    '',
  ])('has nothing against %s', (json) => {
    expect(problemOf(json)).toBeUndefined();
  });

  it('has nothing against whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(2), (value, indent) => {
        expect(problemOf(JSON.stringify(value, undefined, indent))).toBeUndefined();
      }),
    );
  });

  it('finds a key that is added once more to any object', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(object, fc.nat(), (value, index) => {
        const keys = Object.keys(value);
        const key = JSON.stringify(keys[index % keys.length]);
        expect(problemOf(`${JSON.stringify(value).slice(0, -1)},${key}:null}`)).toBe('repeated_key');
      }),
    );
  });

  it('ends on any text, JSON or not', () => {
    const soup = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '\\"', 'u0061'));
    fc.assert(
      fc.property(soup, (pieces) => {
        expect(() => scanJson(Buffer.from(pieces.join('')))).not.toThrow();
      }),
    );
  });

  it('allows 128 levels and not one more', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(problemOf(nested(128))).toBeUndefined();
    expect(problemOf(nested(129))).toBe('too_deep');
  });

  it('allows half a million values and no more, so that a frame cannot become gigabytes', () => {
    expect(problemOf(`[${'0,'.repeat(499_998)}0]`)).toBeUndefined();
    expect(problemOf(`[${'[],'.repeat(500_000)}0]`)).toBe('too_many_values');
  });

  it('reads a string of 32 MiB, quotes and backslashes included', () => {
    expect(problemOf(`{"a":"${'x'.repeat(32 * 1024 * 1024)}","b":"${'\\"\\\\'.repeat(1024 * 1024)}"}`)).toBeUndefined();
  });
});
