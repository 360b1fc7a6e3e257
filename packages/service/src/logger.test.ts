import { createLogger } from './logger.ts';

describe('the log', () => {
  const written = (work: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown> => {
    const lines: string[] = [];
    work(createLogger({ service: 'test', level: 'info' }, { write: (line: string) => void lines.push(line) }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hunter2');
    return JSON.parse(lines[0] ?? '');
  };

  it('is one JSON object a line with level, time, service and what is said', () => {
    const line = written((log) => log.info({ code: 1001, nothing: null }, 'it ended'));
    expect(line).toEqual({
      ...{ level: 'info', service: 'test', msg: 'it ended', code: 1001, nothing: null },
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
  });

  it.each(['token', 'password', 'authorization', 'cookie'])('hides a field that is called %s', (name) => {
    expect(written((log) => log.info({ [name]: 'hunter2' }, 'x'))[name]).toBe('[redacted]');
    expect(written((log) => log.child({ [name]: 'hunter2' }).info('x'))[name]).toBe('[redacted]');
  });

  it.each([
    ...['token', 'password', 'authorization', 'cookie', 'access_token', 'refresh_token', 'id_token'],
    ...['client_secret', 'code', 'code_verifier'],
  ])('hides a field %s of an object in a line', (name) => {
    const hidden = { [name]: '[redacted]', other: 1 };
    const given = { headers: { [name]: 'hunter2', other: 1 } };
    expect(written((log) => log.info(given, 'x')).headers).toEqual(hidden);
    expect(given.headers[name]).toBe('hunter2');
    expect(written((log) => log.child(given).info('x')).headers).toEqual(hidden);
    const error = Object.assign(new Error('failed'), { [name]: 'hunter2' });
    expect(written((log) => log.error({ err: error }, 'x')).err).toMatchObject({
      type: 'Error',
      message: 'failed',
      [name]: '[redacted]',
    });
  });
});
