import { accessTokenEnvVar, deriveSecretKey, ensureOfflineAccess } from './naming.ts';

describe('secret keys', () => {
  it('are the prefix and 8 hex digits of SHA-256 over resource, NUL and issuer (fixed vector)', () => {
    // printf 'https://gateway.example\0https://issuer.example' | sha256sum
    expect(deriveSecretKey('P_', 'https://gateway.example', 'https://issuer.example')).toBe('P_963477a7');
  });

  it('differ when only the border between resource and issuer moves', () => {
    expect(deriveSecretKey('', 'ab', 'c')).not.toBe(deriveSecretKey('', 'a', 'bc'));
  });

  it('name the variable of an injected access token', () => {
    expect(accessTokenEnvVar('https://gateway.example', 'https://issuer.example')).toBe(
      'CODEX_GATEWAYS_SECRET_GATEWAY_OAUTH_963477a7_AT',
    );
  });
});

describe('scopes', () => {
  it('get offline_access when it is absent', () => {
    expect(ensureOfflineAccess(['openid'])).toEqual(['openid', 'offline_access']);
  });

  it('are left as they are when it is there', () => {
    expect(ensureOfflineAccess(['offline_access', 'openid'])).toEqual(['offline_access', 'openid']);
  });
});
