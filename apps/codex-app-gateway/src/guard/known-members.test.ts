import fc from 'fast-check';
import { guard, HOME } from '../../test/guard-calls.ts';
import { SCAN_WINDOW } from './json-scan.ts';

const inspect = (text: string) => guard.inspect(Buffer.from(text));

describe('the guard, what is left of a call', () => {
  it('keeps numbers as the client wrote them', () => {
    const kept = '"limit":9007199254740993,"cursor": [1.0, -0, 1E+2, 1e400]';
    expect(inspect(`{"id":1,"method":"model/list","params":{"new":1,${kept}},"extra":18446744073709551615}`)).toEqual({
      kind: 'forward',
      text: `{"id":1,"method":"model/list","params":{${kept}}}`,
    });
  });

  it('keeps the order of keys, and the spelling of texts', () => {
    const call = '{ "method" : "thread\\u002fname\\/set", "params" : {"name":"\\u00e9\\ud800\\/é"}, "id" : "2" }';
    expect(inspect(call.replace('"name":', '"10": {}, "name":'))).toEqual({
      kind: 'forward',
      text: '{"method" : "thread\\u002fname\\/set","params" : {"name":"\\u00e9\\ud800\\/é"},"id" : "2" }',
    });
  });

  it('knows a parameter in whatever spelling, and judges it when others are left out', () => {
    const start = (parameters: string) => inspect(`{"id":1,"method":"thread/start","params":{${parameters}}}`);
    expect(start('"new":"\\"}","\\u0063onfig":{"notify":["sh"]}')).toMatchObject({ kind: 'answer', why: 'parameter' });
    expect(start('"new":[{"config":1}],"mod\\u0065l":"m"')).toEqual({
      kind: 'forward',
      text: '{"id":1,"method":"thread/start","params":{"mod\\u0065l":"m"}}',
    });
    expect(start(`"path":"${HOME}/../x"`)).toMatchObject({ text: '{"id":1,"method":"thread/start","params":{}}' });
  });

  it('does not write over the frame, which others read as well', () => {
    const frame = SCAN_WINDOW.subarray(
      0,
      SCAN_WINDOW.write('{"id":1,"method":"account/read","params":{"refreshToken":true}}'),
    );
    const before = Buffer.from(frame);
    expect(guard.inspect(frame)).toMatchObject({ kind: 'forward', text: expect.any(String) });
    expect(frame).toEqual(before);
  });

  const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n  ');
  const literal = fc.constantFrom(
    ...['0', '-0', '1.0', '9007199254740993', '1e400', 'true', 'null', '""', '"x"', '"}"', '"{"', '"]"', '","', '":"'],
    ...['"\\\\"', '"\\\\\\""', '"\\",\\"name\\":1"', '"\\u0022}"', '"é😀\\ud800"', `"${'x}'.repeat(600)}"`],
  );
  const name = fc.constantFrom(
    'name',
    'threadId',
    'new',
    'Name',
    '__proto__',
    'constructor',
    'params',
    'id',
    'method',
    '',
  );
  const key = fc.tuple(name, fc.nat(99)).map(([text, letter]) => {
    const index = letter % (text.length * 3 || 1); // two in three stay as they are
    const code = text.charCodeAt(index).toString(16).padStart(4, '0');
    return {
      text,
      json: index < text.length ? `"${text.slice(0, index)}\\u${code}${text.slice(index + 1)}"` : `"${text}"`,
    };
  });
  const membersOf = (value: fc.Arbitrary<string>) =>
    fc
      .uniqueArray(fc.tuple(key, spaces, spaces, value), { selector: ([each]) => each.text, maxLength: 6 })
      .map((all) =>
        all.map(([each, before, after, json]) => ({ ...each, member: `${each.json}${before}:${after}${json}` })),
      );
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      literal,
      fc.array(tie('value'), { maxLength: 4 }).map((all) => `[${all.join(' , ')}]`),
      membersOf(tie('value')).map((all) => `{ ${all.map(({ member }) => member).join(',\n')} }`),
    ),
  }));

  it('is byte for byte what the client wrote, without what is not known', () => {
    const call = fc.tuple(membersOf(value), spaces, fc.option(value, { nil: undefined }));
    fc.assert(
      fc.property(call, ([parameters, space, extra]) => {
        const callWith = (members: readonly { member: string }[], more: readonly string[]) =>
          `{${[
            '"id":7',
            `"params":${space}{${members.map(({ member }) => member).join(',')}}`,
            ...['"method":"thread/name/set"', '"trace":[1.0,{"x":"}"}]', ...more],
          ].join(',')}}`;
        const text = callWith(parameters, extra === undefined ? [] : [`"more":${extra}`]);
        const known = parameters.filter((each) => each.text === 'name' || each.text === 'threadId');
        const isWhole = known.length === parameters.length && extra === undefined;
        expect(inspect(text)).toEqual(isWhole ? { kind: 'forward' } : { kind: 'forward', text: callWith(known, []) });
      }),
      { numRuns: 500 },
    );
  });
});
