import fc from 'fast-check';
import { errorOf, guard, HOME } from '../../test/guard-calls.ts';
import { scanJson } from './json-scan.ts';

const inspect = (message: unknown) => guard.inspect(Buffer.from(JSON.stringify(message)));
const start = (item: unknown) => inspect({ id: 1, method: 'turn/start', params: { threadId: 't', input: [item] } });

describe('the guard, with long strings', () => {
  const long = 'x'.repeat(5000);

  it('passes long texts and inline images as they are', () => {
    expect(start({ type: 'text', text: `${long}"\\\n😀`.repeat(3), text_elements: [] })).toEqual({ kind: 'forward' });
    expect(start({ type: 'image', url: `data:image/png;base64,${long}` })).toEqual({ kind: 'forward' });
  });

  it('refuses a path whose end leaves the folder that its beginning is in', () => {
    const inside = `${HOME}/sessions/${long}`;
    const resume = (path: string) => inspect({ id: 1, method: 'thread/resume', params: { threadId: 't', path } });
    expect(resume(`${inside}/rollout.jsonl`)).toEqual({ kind: 'forward' });
    expect(errorOf(resume(`${inside}/../../../../etc/passwd`)).code).toBe(-32602);
    expect(errorOf(start({ type: 'skill', name: 's', path: `${HOME}/skills/${long}/../../auth.json` })).code).toBe(
      -32602,
    );
    expect(errorOf(start({ type: 'image', url: `https://${long}` })).code).toBe(-32602);
  });

  it('leaves out what it does not know, and keeps the rest of the text whole', () => {
    const text = `${long}é"\\`;
    const params = { threadId: 't', input: [{ type: 'text', text }], unknown: long };
    const verdict = inspect({ id: 1, method: 'turn/start', params });
    expect(verdict.kind === 'forward' && JSON.parse(verdict.text ?? '')).toEqual({
      ...{ id: 1, method: 'turn/start' },
      params: { threadId: 't', input: [{ type: 'text', text }] },
    });
  });

  it('answers with the whole of a long id', () => {
    expect(errorOf(inspect({ id: long, method: 'fs/readFile', params: {} })).id).toBe(long);
    expect(errorOf(inspect({ id: long, method: long, params: {} })).id).toBe(long);
  });

  it('finds every long string that is a value, whatever is in it, and cuts none in a character or an escape', () => {
    const piece = fc.constantFrom('a', 'é', '😀', '"', '\\', '\n', '\u0001', '\ud800', '{', '\u2028', 'u');
    const text = fc.array(piece, { minLength: 900, maxLength: 1500, size: 'max' }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (value) => {
        const json = Buffer.from(JSON.stringify({ [value]: 'short', a: [value, 1], b: 'end' }));
        const { problem, longInsides } = scanJson(json);
        expect(problem).toBeUndefined();
        const isLong = Buffer.byteLength(JSON.stringify(value)) >= 1024;
        expect(longInsides).toHaveLength(isLong ? 2 : 0);
        if (!isLong) return;
        const [from, to] = longInsides as [number, number];
        const abridged = JSON.parse(`${json.toString('utf8', 0, from)}${json.toString('utf8', to)}`);
        expect(abridged).toEqual({ [value]: 'short', a: [expect.any(String), 1], b: 'end' });
        expect(value.startsWith(abridged.a[0])).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
