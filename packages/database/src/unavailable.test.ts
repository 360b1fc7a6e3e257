import { createPool } from './pool.ts';
import { isDatabaseUnavailable } from './unavailable.ts';

describe('telling a database that is away from a statement that is wrong', () => {
  it('counts a refused connection as unavailable', async () => {
    const pool = createPool({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
    const error = await pool.query('select 1').catch((reason: unknown) => reason);
    await pool.end();
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it.each(['57P01', '57P03', '53300', '08006', '57014'])('counts SQLSTATE %s as unavailable', (code) => {
    expect(isDatabaseUnavailable(Object.assign(new Error('x'), { code }))).toBe(true);
  });

  it.each(['23505', '42601', '22001', '40P01'])('leaves SQLSTATE %s to the caller', (code) => {
    expect(isDatabaseUnavailable(Object.assign(new Error('x'), { code }))).toBe(false);
  });

  it('knows the messages that the driver gives no code', () => {
    expect(isDatabaseUnavailable(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isDatabaseUnavailable(new Error('timeout exceeded when trying to connect'))).toBe(true);
  });

  it('does not take what is no error for one', () => {
    expect(isDatabaseUnavailable('57P01')).toBe(false);
    expect(isDatabaseUnavailable(new TypeError('a mistake of ours'))).toBe(false);
  });
});
