import { parseUpstreams } from './parse-upstreams.ts';

const ISSUER = 'https://auth.example/codex-auth';
const SECRETS: Record<string, string> = { CORP_SECRET: 'hunter2-of-the-client', EMPTY_FILE: '' };
const secrets = {
  variable: (name: string) => SECRETS[name],
  file: (path: string) => {
    if (path === '/secrets/corp') return 'hunter2-of-the-file\n';
    if (path === '/secrets/empty') return '\n';
    throw new Error('ENOENT');
  },
};
const OIDC = {
  name: 'corp',
  type: 'oidc',
  issuer: 'https://id.example',
  client_id: 'codex',
  allowed_email_domains: ['Example.com'],
};
const OAUTH2 = {
  name: 'forge',
  type: 'oauth2',
  authorization_endpoint: 'https://forge.example/login/oauth/authorize',
  token_endpoint: 'https://forge.example/login/oauth/access_token',
  userinfo_endpoint: 'https://api.forge.example/user',
  client_id: 'codex',
  allow_anyone: true,
};

function parse(...entries: unknown[]) {
  return parseUpstreams(JSON.stringify(entries), { issuer: ISSUER, secrets });
}

function problemOf(...entries: unknown[]): string {
  try {
    parse(...entries);
    return 'none';
  } catch (error) {
    return error instanceof TypeError ? error.message : `another error: ${String(error)}`;
  }
}

describe('the configuration of upstreams', () => {
  it('has defaults that are safe', () => {
    const [corp] = parse(OIDC);
    expect(corp).toEqual({
      type: 'oidc',
      name: 'corp',
      displayName: 'corp',
      issuer: 'https://id.example',
      clientId: 'codex',
      clientSecret: undefined,
      tokenEndpointAuthMethod: undefined,
      scopes: ['openid', 'email', 'profile'],
      redirectUri: `${ISSUER}/oauth/callback`,
      hasOwnRedirectUri: false,
      authorizationParameters: {},
      claims: {
        ...{ subject: 'sub', email: 'email', emailVerified: 'email_verified', name: 'name', groups: 'groups' },
      },
      assumeEmailVerified: false,
      admission: { anyone: false, emailDomains: ['example.com'], groups: [] },
      registration: undefined,
    });
  });

  it('takes secrets from a variable or a file, and a redirect URI of the upstream alone', () => {
    const own = { redirect_uri: `${ISSUER}/oauth/callback/corp` };
    expect(parse({ ...OIDC, ...own, client_secret_env: 'CORP_SECRET' })[0]).toMatchObject({
      clientSecret: 'hunter2-of-the-client',
      hasOwnRedirectUri: true,
    });
    expect(parse({ ...OIDC, client_secret_file: '/secrets/corp' })[0]?.clientSecret).toBe('hunter2-of-the-file');
  });

  it('maps what a provider without OpenID Connect says about people', () => {
    const [forge] = parse({ ...OAUTH2, userinfo: { subject: 'id', email: 'primary.email' } });
    expect(forge).toMatchObject({
      type: 'oauth2',
      userinfoEndpoint: 'https://api.forge.example/user',
      claims: { subject: 'id', email: 'primary.email', name: 'name' },
      admission: { anyone: true },
    });
  });

  it('lets the server register itself where there is an issuer', () => {
    const { client_id: _, ...unregistered } = OIDC;
    expect(parse(unregistered)[0]?.registration).toEqual({});
    const registration = { initial_access_token_env: 'CORP_SECRET' };
    expect(parse({ ...unregistered, registration })[0]?.registration).toMatchObject({
      initialAccessToken: 'hunter2-of-the-client',
    });
  });

  it('lets the server register itself at an endpoint that the configuration names', () => {
    const registration = { registration_endpoint: 'https://forge.example/register' };
    const [forge] = parse({ ...OAUTH2, client_id: undefined, registration });
    expect(forge).toMatchObject({
      ...{ clientId: undefined, issuer: undefined },
      registration: { registrationEndpoint: 'https://forge.example/register' },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['is no JSON', undefined, /^is not JSON$/],
    ['is no list', { corp: OIDC }, /must be a JSON array/],
    ['has a member nobody knows', [{ ...OIDC, clientid: 'x' }], /entry 1: .*clientid/],
    ['lacks a type', [{ ...OIDC, type: undefined }], /entry 1: type: /],
    ['has a name that is no part of a path', [{ ...OIDC, name: '../x' }], /entry 1: name: must be/],
    ['has an http issuer elsewhere', [{ ...OIDC, issuer: 'http://id.example' }], /issuer: must be an https URL/],
    ['has credentials in a URL', [{ ...OIDC, issuer: 'https://u:p@id.example' }], /issuer: must be an https URL/],
    ['asks for no openid', [{ ...OIDC, scopes: ['email'] }], /scopes: must include openid/],
    [
      'is open to anybody by omission',
      [{ ...OIDC, allowed_email_domains: undefined }],
      /\(corp\): needs .*allow_anyone/,
    ],
    ['is open and restricted', [{ ...OIDC, allow_anyone: true }], /needs either allow_anyone/],
    ['has an empty list of domains', [{ ...OIDC, allowed_email_domains: [] }], /allowed_email_domains/],
    ['has a wildcard', [{ ...OIDC, allowed_email_domains: ['*.example.com'] }], /must be a domain/],
    ['has its secret in it', [{ ...OIDC, client_secret: 'hunter2-in-clear' }], /client_secret/],
    ['has a secret that is not there', [{ ...OIDC, client_secret_env: 'NOPE' }], /variable .* is not set/],
    ['has a file that is not there', [{ ...OIDC, client_secret_file: '/nope' }], /file .* cannot be read/],
    ['has an empty file', [{ ...OIDC, client_secret_file: '/secrets/empty' }], /file .* is empty/],
    [
      'has two places for one secret',
      [{ ...OIDC, client_secret_env: 'CORP_SECRET', client_secret_file: '/secrets/corp' }],
      /has both/,
    ],
    [
      'wants a secret and has none',
      [{ ...OIDC, token_endpoint_auth_method: 'client_secret_post' }],
      /needs a client sec/,
    ],
    [
      'comes back to another site',
      [{ ...OIDC, redirect_uri: 'https://evil.example/oauth/callback' }],
      /redirect_uri must/,
    ],
    [
      'comes back in the name of another',
      [{ ...OIDC, redirect_uri: `${ISSUER}/oauth/callback/x` }],
      /redirect_uri must/,
    ],
    ['replaces a parameter of OAuth', [{ ...OIDC, authorization_parameters: { state: 'x' } }], /may not replace/],
    ['names another subject', [{ ...OIDC, claims: { subject: 'email' } }], /subject is always sub/],
    ['has no endpoints', [{ ...OAUTH2, token_endpoint: undefined }], /needs authorization_endpoint and token_endpoint/],
    ['has nowhere to register', [{ ...OAUTH2, client_id: undefined }], /nowhere to register/],
    [
      'has an initial access token and nowhere to present it',
      [{ ...OAUTH2, client_id: undefined, registration: { initial_access_token_env: 'CORP_SECRET' } }],
      /nowhere to register/,
    ],
    ['has two of one name', [OIDC, OIDC], /two upstreams of the same name/],
  ])('is refused when it %s', (_, value, problem) => {
    const text = value === undefined ? '{' : JSON.stringify(value);
    const parseText = () => parseUpstreams(text, { issuer: ISSUER, secrets });
    expect(parseText).toThrow(problem);
    expect(parseText).not.toThrow(/hunter2/);
  });

  it('is named by the entry that is wrong', () => {
    expect(problemOf(OIDC, { ...OAUTH2, userinfo_endpoint: 'ftp://x' })).toMatch(/^entry 2: userinfo_endpoint: /);
  });
});
