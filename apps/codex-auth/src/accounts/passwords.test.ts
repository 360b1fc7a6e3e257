import { jest } from '@jest/globals';
import { Passwords } from './passwords.ts';

const passwords = new Passwords({ maxConcurrent: 1, maxWaiting: 0 });

describe('passwords', () => {
  it('are told from wrong ones and from no password at all', async () => {
    const passwordHash = await passwords.hash('correct');
    expect(passwordHash).toMatch(/^\$argon2id\$/);
    expect(await passwords.matches(async () => passwordHash, 'correct')).toBe(true);
    expect(await passwords.matches(async () => passwordHash, 'wrong')).toBe(false);
    expect(await passwords.matches(async () => undefined, 'the password of nobody')).toBe(false);
  });

  it('are refused, and not even looked up, while too many others are checked', async () => {
    const lookUp = jest.fn(async () => undefined);
    const first = passwords.matches(lookUp, 'x');
    await expect(passwords.matches(lookUp, 'x')).rejects.toMatchObject({ status: 503 });
    await first;
    expect(lookUp).toHaveBeenCalledTimes(1);
    expect(await passwords.matches(lookUp, 'x')).toBe(false);
  });
});
