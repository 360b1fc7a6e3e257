import { ConfigError, type Environment, EnvReader, parseDurationMs } from './env-reader.ts';

/** What one read of one variable gives, or the problems it left. */
function read<Value>(env: Environment, readOne: (reader: EnvReader) => Value): Value | readonly string[] {
  const reader = new EnvReader(env);
  const value = readOne(reader);
  try {
    return reader.finish(value);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('reading the environment', () => {
  it('takes the default for a variable that is absent or empty', () => {
    for (const env of [{}, { PORT: '' }]) expect(read(env, (reader) => reader.port('PORT', 8081))).toBe(8081);
  });
  it.each(['x', '1.5', '-1', '65536', '80 ', '0x50'])('stops on the port %j instead of taking the default', (PORT) => {
    expect(read({ PORT }, (reader) => reader.port('PORT', 8081))).toEqual([
      'PORT must be a whole number from 0 to 65535',
    ]);
  });
  it('reads durations within their bounds', () => {
    const bounds = { min: '1s', max: '1d', default: '30s' };
    expect(read({}, (reader) => reader.durationMs('T', bounds))).toBe(30_000);
    expect(read({ T: '1h' }, (reader) => reader.durationSeconds('T', bounds))).toBe(3600);
    for (const T of ['0s', '2d', '30', 'ever', '-1s']) {
      expect(read({ T }, (reader) => reader.durationMs('T', bounds))).toEqual([
        'T must be a duration from 1s to 1d, such as 30s',
      ]);
    }
  });
  it('reads URLs without a trailing slash, and refuses other schemes, credentials and queries', () => {
    expect(read({ U: 'https://a.example/base/' }, (reader) => reader.httpUrl('U'))).toBe('https://a.example/base');
    for (const U of [
      'ftp://a',
      'a.example',
      'https://u:p@a.example',
      'https://a.example/?q=1',
      'https://a.example/#f',
    ]) {
      expect(read({ U }, (reader) => reader.httpUrl('U'))).toHaveLength(1);
    }
    expect(read({ U: 'wss://a.example' }, (reader) => reader.wsUrl('U'))).toBe('wss://a.example');
  });
  it('reads the URL of a PostgreSQL database, and of nothing else', () => {
    for (const D of ['postgres://u:p@h/d', 'postgresql://h:5432/d?sslmode=require', 'postgresql:///d?host=/run/pg']) {
      expect(read({ D }, (reader) => reader.databaseUrl('D'))).toBe(D);
    }
    for (const D of ['mysql://h/d', 'h:5432/d', 'http://h/d', 'postgresql:h']) {
      expect(read({ D }, (reader) => reader.databaseUrl('D'))).toEqual([
        'D must be a URL such as postgresql://user:password@host:5432/database',
      ]);
    }
    expect(read({}, (reader) => reader.databaseUrl('D'))).toEqual(['D is required']);
  });
  it("reads a form of the caller's own when it is set, and says what is wrong with it", () => {
    const parse = (text: string) => {
      if (text !== 'yes') throw new TypeError('must be yes');
      return true;
    };
    const readOne = (reader: EnvReader) => reader.optionalParsed('P', parse, { default: false });
    expect(read({ P: '' }, readOne)).toBe(false);
    expect(read({ P: 'yes' }, readOne)).toBe(true);
    expect(read({ P: 'no' }, readOne)).toEqual(['P must be yes']);
  });
  it('requires shared secrets of 16 characters, but in development mode', () => {
    const readSecret = (reader: EnvReader) => reader.sharedSecret('S');
    expect(read({}, readSecret)).toHaveLength(1);
    expect(read({ S: 'short' }, readSecret)).toEqual(['S must have at least 16 characters']);
    expect(read({ S: 'x'.repeat(16) }, readSecret)).toBe('x'.repeat(16));
    expect(read({ CODEX_GATEWAYS_DEV: '1' }, readSecret)).toBe('');
    expect(read({ CODEX_GATEWAYS_DEV: 'true' }, readSecret)).toHaveLength(1);
  });
  it('tells every problem at once and repeats no value', () => {
    const reader = new EnvReader({ A: 'hunter2', B: 'hunter2', C: 'hunter2' });
    reader.port('A', 1);
    reader.oneOf('B', ['x', 'y'], 'x');
    reader.boolean('C', false);
    reader.text('D');
    reader.parsed('E', () => 1, 0);
    let message = '';
    try {
      reader.finish({});
    } catch (error) {
      message = String(error);
    }
    for (const name of ['A', 'B', 'C', 'D', 'E']) expect(message).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(message).not.toContain('hunter2');
  });
  it('splits lists and drops blanks', () => {
    expect(read({ L: ' a, ,b,' }, (reader) => reader.list('L'))).toEqual(['a', 'b']);
  });
  it('reads the items of a list in the form of the caller, and names the list when one is malformed', () => {
    const parse = (text: string) => {
      if (!/^\d+$/.test(text)) throw new TypeError('holds numbers');
      return Number(text);
    };
    expect(read({ L: '1, 2' }, (reader) => reader.parsedList('L', parse))).toEqual([1, 2]);
    expect(read({ L: '1, x' }, (reader) => reader.parsedList('L', parse))).toEqual(['L holds numbers']);
  });
  it('takes a URL that may be absent, but not a malformed one', () => {
    expect(read({}, (reader) => reader.optionalHttpUrl('U'))).toBeUndefined();
    expect(read({ U: 'https://a.example/' }, (reader) => reader.optionalHttpUrl('U'))).toBe('https://a.example');
    expect(read({ U: 'a.example' }, (reader) => reader.optionalHttpUrl('U'))).toHaveLength(1);
  });
});

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
  it.each(['', '1', 's', '1.5s', '1 s', '1w'])('%j is none', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});
