import { type DcrKey, dcrKeyId, scopesHash, upstreamIdentity } from './dcr-key.ts';

describe('the hash of scopes', () => {
  it('is SHA-256 over the sorted scopes, each once, joined by newlines', () => {
    // printf 'email\nopenid\nprofile' | sha256sum
    const expected = '62358d8fc3cf5a7913083c82c1153191119dbcba28970bc42426bed8ade52918';
    expect(scopesHash(['openid', 'email', 'profile'])).toBe(expected);
    expect(scopesHash(['profile', 'openid', 'email', 'openid'])).toBe(expected);
  });

  it('tells what is joined from what is apart', () => {
    expect(scopesHash(['a b'])).not.toBe(scopesHash(['a', 'b']));
    expect(scopesHash(['ab'])).not.toBe(scopesHash(['a', 'b']));
    // printf '' | sha256sum
    expect(scopesHash([])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('leaves the scopes as they were', () => {
    const scopes = Object.freeze(['openid', 'email']);
    scopesHash(scopes);
    expect(scopes).toEqual(['openid', 'email']);
  });
});

describe('the id of a key', () => {
  const key: DcrKey = {
    issuer: 'https://auth.example',
    redirectUri: 'https://auth.example/oauth/callback',
    scopesHash: scopesHash(['openid']),
    upstream: upstreamIdentity({ name: 'corp', address: 'https://id.example' }),
  };

  it('differs with each of its parts', () => {
    const others: DcrKey[] = [
      { ...key, issuer: 'https://auth.example/' },
      { ...key, redirectUri: 'https://auth.example/oauth/callback/corp' },
      { ...key, scopesHash: scopesHash(['openid', 'email']) },
      { ...key, upstream: upstreamIdentity({ name: 'corp', address: 'https://id2.example' }) },
      { ...key, upstream: upstreamIdentity({ name: 'corp2', address: 'https://id.example' }) },
    ];
    expect(new Set([key, ...others].map(dcrKeyId)).size).toBe(6);
  });

  it('is the same in every release: a stored registration is found again', () => {
    expect(dcrKeyId(key)).toBe('e1f50ad84b5a94755eccb1bf3d2c2f5021e80db85ac5ae25d49e1b8d170fe1db');
  });
});
