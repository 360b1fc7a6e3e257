import { useUpstreams } from '../../test/use-upstreams.ts';

const world = useUpstreams(['forge'], (issuerOf, baseUrl) => {
  const endpoint = (path: string) => `${issuerOf('forge')}${path}`;
  return [
    {
      ...{ name: 'forge', type: 'oauth2', client_id: 'codex', client_secret_env: 'UPSTREAM_SECRET' },
      authorization_endpoint: endpoint('/authorize'),
      token_endpoint: endpoint('/token'),
      userinfo_endpoint: endpoint('/userinfo'),
      token_endpoint_auth_method: 'client_secret_post',
      userinfo: { subject: 'id', email: 'contact.email', name: 'login', groups: 'teams' },
      redirect_uri: `${baseUrl}/oauth/callback/forge`,
      scopes: ['user:read'],
      authorization_parameters: { access_type: 'offline' },
      assume_email_verified: true,
      allowed_groups: ['platform'],
    },
  ];
});
const ANN = { id: 4711, login: 'ann', contact: { email: 'ann@forge.example' }, teams: ['platform'] };

async function signIn(userinfo: Record<string, unknown>, token: Record<string, unknown> = {}) {
  world.provider('forge').lies = {
    token: { id_token: undefined, ...token },
    userinfo: { ...ANN, ...userinfo },
    callback: { iss: undefined },
  };
  return world.signIn(undefined, '/login/upstream/forge');
}

describe('a provider without OpenID Connect', () => {
  it('signs people in by what its userinfo endpoint says, as the mapping reads it', async () => {
    const { web, answer } = await signIn({});
    expect(answer.status).toBe(303);
    expect(await world.me(web)).toMatchObject({ email: 'ann@forge.example' });
    const { rows } = await world.db.query(
      `select i.subject, i.issuer, u.display_name
         from codex_auth.upstream_identities i
         join codex_auth.users u on u.id = i.user_id`,
    );
    expect(rows).toEqual([{ subject: '4711', issuer: world.provider('forge').issuer, display_name: 'ann' }]);
    const grant = world.provider('forge').requests.find(({ path }) => path === '/token');
    expect(grant?.form.get('client_secret')).toBe('secret of the client');
    expect(grant?.form.get('code_verifier')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const userinfo = world.provider('forge').requests.find(({ path }) => path === '/userinfo');
    expect(userinfo?.authorization).toMatch(/^Bearer access-/);
  });

  it('is asked with PKCE, its scopes and its own parameters', async () => {
    const url = await world.setOut(world.newBrowser(), '/login/upstream/forge');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ scope: 'user:read', access_type: 'offline', code_challenge_method: 'S256' },
      redirect_uri: `${world.auth.url}/oauth/callback/forge`,
    });
    expect(url.searchParams.has('nonce')).toBe(false);
  });

  it('may send an ID token all the same, which is of no account', async () => {
    const { web, answer } = await signIn({}, { id_token: 'of.no.account' });
    expect([answer.status, web.cookies.has('codex_session')]).toEqual([303, true]);
  });

  it('may give a token that ends at the end of time', async () => {
    expect((await signIn({}, { expires_in: 1e300 })).answer.status).toBe(303);
  });

  it('is not believed when it says that the address is not verified', async () => {
    const { answer } = await signIn({ id: 1, email_verified: false, contact: { email: 'x@forge.example' } });
    expect(answer.status).toBe(403);
  });

  it.each<[string, Record<string, unknown>]>([
    ['names nobody', { id: undefined }],
    ['names somebody by an object', { id: { a: 1 } }],
    ['names somebody with a control character', { id: 'a\u0000b' }],
    ['names somebody at great length', { id: 'x'.repeat(300) }],
  ])('is of no use when it %s', async (_, userinfo) => {
    const { web, answer } = await signIn(userinfo);
    expect([answer.status, web.cookies.has('codex_session')]).toEqual([502, false]);
  });

  it('is of no use when its userinfo endpoint redirects or refuses', async () => {
    for (const status of [302, 401, 403, 404]) {
      world.provider('forge').lies = {
        token: { id_token: undefined },
        callback: { iss: undefined },
        answer: (request, response) => {
          if (request.url !== '/userinfo') return false;
          response.writeHead(status, { Location: '/elsewhere' }).end('{}');
          return true;
        },
      };
      expect((await world.signIn(undefined, '/login/upstream/forge')).answer.status).toBe(502);
    }
  });
});
