import { resolveDevUser } from './dev-user.ts';
import type { Secrets } from './secrets.ts';

describe('first user', () => {
  let secrets: Secrets;
  beforeEach(() => {
    secrets = {
      postgresPassword: '',
      masterKey: '',
      internalApiSecret: '',
      execSharedSecret: '',
      captokenSecret: '',
      users: {},
    };
  });
  const resolve = (devUserPassword?: string, devUserEmail = 'dev@localhost') =>
    resolveDevUser(secrets, { databaseUrl: undefined, devUserEmail, devUserPassword });
  const markShown = () => {
    for (const user of Object.values(secrets.users)) user.shown = true;
  };

  it('keeps the password that was generated, which is new until it was shown', () => {
    const first = resolve();
    expect(first).toMatchObject({ email: 'dev@localhost', isNew: true });
    expect(resolve()).toEqual(first);
    markShown();
    expect(resolve()).toEqual({ ...first, isNew: false });
  });

  it('has the password that was chosen, also when the variable is gone the next time', () => {
    expect(resolve('chosen-password')).toMatchObject({ password: 'chosen-password', isNew: false });
    expect(resolve()).toMatchObject({ password: 'chosen-password', isNew: false, ignoresGivenPassword: false });
  });

  it('keeps the password of the account when another one is chosen later, and tells', () => {
    const { password } = resolve();
    expect(resolve('chosen-later')).toMatchObject({ password, ignoresGivenPassword: true });
    expect(resolve(password)).toMatchObject({ password, ignoresGivenPassword: false });
  });

  it('is another one under another address', () => {
    const { password } = resolve();
    markShown();
    const other = resolve(undefined, 'other@localhost');
    expect(other).toMatchObject({ email: 'other@localhost', isNew: true });
    expect(other.password).not.toBe(password);
  });
});
