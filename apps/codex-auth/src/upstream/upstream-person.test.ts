import fc from 'fast-check';
import { admit, personOf } from './upstream-person.ts';

const claims = { subject: 'sub', email: 'email', emailVerified: 'email_verified', name: 'name', groups: 'groups' };
const read = (...sources: Record<string, unknown>[]) => personOf(sources, { claims, assumeEmailVerified: false });

describe('what a provider says about a person', () => {
  it('is read from its own members alone', () => {
    const mapping = { ...claims, name: 'constructor.name', groups: 'a.toString' };
    const person = personOf([{ sub: 'x', a: {} }], { claims: mapping, assumeEmailVerified: false });
    expect(person).toMatchObject({ displayName: '', groups: [] });
  });

  it('is fit to be kept, whatever was said', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a@b', 1e300, -1e300),
    );
    const names = [...Object.values(claims), 'auth_time', '__proto__', 'constructor'];
    const source = fc.dictionary(fc.constantFrom(...names), value);
    fc.assert(
      fc.property(fc.array(source, { maxLength: 2 }), (sources) => {
        const person = read(...sources);
        if (!person) return;
        const texts = [person.subject, person.email ?? '', person.displayName, ...person.groups];
        for (const text of texts) expect(text).not.toContain('\0');
        expect(person.subject.length).toBeGreaterThan(0);
        expect(person.emailIsVerified && person.email === undefined).toBe(false);
        const year = person.authenticatedAt?.getUTCFullYear() ?? 1970;
        expect(year >= 1970 && year <= 9999).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('may be nested, or under a name with dots', () => {
    const mapping = { ...claims, groups: 'https://example.com/groups', name: 'a.b' };
    const source = { sub: 'x', 'https://example.com/groups': ['one'], a: { b: 'Ann' } };
    expect(personOf([source], { claims: mapping, assumeEmailVerified: false })).toMatchObject({
      ...{ displayName: 'Ann', groups: ['one'] },
    });
  });

  it('takes an address together with the word about it, from one source', () => {
    const idToken = { sub: 'x', email: 'mine@example.com' };
    const verified = { email: 'other@example.com', email_verified: true };
    expect(read(idToken, verified)).toMatchObject({ email: 'other@example.com', emailIsVerified: true });
    expect(read({ ...idToken, email_verified: false }, verified)).toMatchObject({ emailIsVerified: false });
    expect(read({ sub: 'x', email_verified: true }, { email: 'a@example.com' })).toMatchObject({
      emailIsVerified: false,
    });
  });

  it.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    [1, false],
    ['yes', false],
    [null, false],
  ])('is verified by %j: %j', (verified, expected) => {
    expect(read({ sub: 'x', email: 'a@example.com', email_verified: verified })?.emailIsVerified).toBe(expected);
  });

  it('has groups as a list or as one, whatever else is in it', () => {
    expect(read({ sub: 'x', groups: ['a', 1, null, { b: 1 }, 'c'] })?.groups).toEqual(['a', 'c']);
    expect(read({ sub: 'x', groups: 'only' })?.groups).toEqual(['only']);
    expect(read({ sub: 'x', groups: { a: 1 } })?.groups).toEqual([]);
  });

  it('has a name of one line', () => {
    expect(read({ sub: 'x', name: ' A\u0000n\nn\ud800 ' })?.displayName).toBe('A n n');
    expect(read({ sub: 'x', name: '😀'.repeat(200) })?.displayName).not.toMatch(/[\ud800-\udbff]$/);
  });
});

describe('the rule of a provider', () => {
  const person = { subject: 'x', emailIsVerified: true, displayName: '', groups: [], authenticatedAt: undefined };
  const rule = { anyone: false, emailDomains: ['example.com'], groups: ['g'] };

  it.each([
    ['a@example.com', 'admitted'],
    ['a@EXAMPLE.com', 'admitted'],
    ['a@example.com.evil.example', 'refused'],
    ['a@xexample.com', 'refused'],
    ['a@sub.example.com', 'refused'],
    ['example.com@evil.example', 'refused'],
  ])('for %s says %s', (email, kind) => {
    expect(admit({ ...person, email }, rule).kind).toBe(kind);
  });

  it('lets anybody in only where it says so, and nobody without a verified address', () => {
    const anyone = { anyone: true, emailDomains: [], groups: [] };
    expect(admit({ ...person, email: 'a@x.example' }, anyone).kind).toBe('admitted');
    expect(admit({ ...person, email: 'a@x.example', emailIsVerified: false }, anyone)).toMatchObject({
      why: 'email_unverified',
    });
    expect(admit({ ...person, email: undefined, groups: ['g'] }, rule)).toMatchObject({ why: 'email_missing' });
  });
});
