import { sha256 } from '@codex-gateways/crypto';
import { approve } from '../../test/code-flow.ts';
import { OAuthClient } from '../../test/oauth-client.ts';
import { basicAuth } from '../../test/register-client.ts';
import { METADATA, manage, register } from '../../test/registration.ts';
import { useWorld } from '../../test/use-world.ts';
import { registrationCleanupTasks } from './unused-clients.ts';

const world = useWorld({ CODEX_AUTH_DYNAMIC_REGISTRATION: 'open', CODEX_AUTH_REGISTRATIONS_PER_ADDRESS: '1000' });
const person = new OAuthClient(() => world.auth.url);

async function registered(changes: Record<string, unknown> = {}) {
  const grant_types = ['authorization_code', 'refresh_token'];
  const { body } = await register(world, { ...METADATA, grant_types, ...changes });
  return { clientId: body.client_id, token: body.registration_access_token, secret: body.client_secret, told: body };
}

type Client = Awaited<ReturnType<typeof registered>>;

const asItself = ({ clientId, secret }: Client) => basicAuth({ clientId, clientSecret: secret, redirectUri: '' });

/** What the client has after a person let it in. */
async function loggedIn(client: Client) {
  const redirect_uri = METADATA.redirect_uris[0] ?? '';
  const code = await codeFor(client);
  const form = { grant_type: 'authorization_code', redirect_uri, code: code.code, code_verifier: code.codeVerifier };
  return (await person.postForm<Record<string, string>>('/oauth/token', form, asItself(client))).body;
}

async function codeFor({ clientId }: Client) {
  const web = await person.signedIn();
  const parameters = {
    client_id: clientId,
    redirect_uri: METADATA.redirect_uris[0],
    scope: 'openid email offline_access',
  };
  const first = await web.get(person.authorizePath(parameters));
  const wasAsked = first.status === 200;
  const answer = wasAsked ? await approve(web, await first.text()) : first;
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? '';
  return { code, wasAsked, codeVerifier: 'v'.repeat(43) };
}

describe('a registered client (RFC 7592)', () => {
  it('reads what it registered, without its secret', async () => {
    const client = await registered({ client_name: 'A' });
    const { status, headers, body } = await manage(world, 'GET', client);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { client_secret: _secret, client_secret_expires_at: _never, ...told } = client.told;
    expect(body).toEqual(told);
  });

  it('replaces everything: what it leaves out is gone', async () => {
    const client = await registered({ client_name: 'A', client_uri: 'https://client.example/' });
    const body = {
      client_id: client.clientId,
      client_secret: client.secret,
      redirect_uris: ['https://new.example/cb'],
    };
    const answer = await manage(world, 'PUT', { ...client, body });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      redirect_uris: ['https://new.example/cb'],
      grant_types: ['authorization_code'],
    });
    for (const gone of ['client_name', 'client_uri', 'client_secret']) expect(answer.body).not.toHaveProperty(gone);
    expect((await manage(world, 'GET', client)).body).toEqual(answer.body);
  });

  it('gets a secret when it begins to use one, keeps it while it does, and loses it when it stops', async () => {
    const client = await registered({ token_endpoint_auth_method: 'none' });
    const put = (token_endpoint_auth_method: string) =>
      manage(world, 'PUT', {
        ...client,
        body: { ...METADATA, client_id: client.clientId, token_endpoint_auth_method },
      });
    expect((await put('client_secret_basic')).body.client_secret).toMatch(/^[\w-]{43}$/);
    expect((await put('client_secret_post')).body).not.toHaveProperty('client_secret');
    expect((await put('none')).body).not.toHaveProperty('client_secret');
    const { rows } = await world.db.query(
      'select client_secret_digest from codex_auth.oauth_clients where client_id = $1',
      [client.clientId],
    );
    expect(rows).toEqual([{ client_secret_digest: null }]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['another id', { client_id: 'client_other' }],
    ['no id', { client_id: undefined }],
    ['another secret', { client_secret: 'chosen' }],
    ['another registration token', { registration_access_token: 'chosen' }],
    ['another address of itself', { registration_client_uri: 'https://evil.example' }],
    ['another age', { client_id_issued_at: 0 }],
    ['a secret that ends', { client_secret_expires_at: 1 }],
    ['a redirect URI that is not permitted', { redirect_uris: ['http://evil.example/cb'] }],
  ])('cannot give itself %s', async (_what, changes) => {
    const client = await registered();
    const answer = await manage(world, 'PUT', {
      ...client,
      body: { ...METADATA, client_id: client.clientId, ...changes },
    });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(/^invalid_(client_metadata|redirect_uri)$/);
    expect((await manage(world, 'GET', client)).body.redirect_uris).toEqual(METADATA.redirect_uris);
  });

  it('is asked for again on the consent page after it changed', async () => {
    const client = await registered();
    expect([(await codeFor(client)).wasAsked, (await codeFor(client)).wasAsked]).toEqual([true, false]);
    const body = { ...client.told, client_secret: client.secret, client_name: 'Another' };
    for (const member of ['registration_access_token', 'registration_client_uri', 'client_secret_expires_at'])
      delete body[member];
    delete body.client_id_issued_at;
    expect((await manage(world, 'PUT', { ...client, body })).status).toBe(200);
    expect((await codeFor(client)).wasAsked).toBe(true);
  });

  it('is gone after it deleted itself, with every token and code it had', async () => {
    const client = await registered();
    const tokens = await loggedIn(client);
    const code = await codeFor(client);
    expect((await manage(world, 'DELETE', client)).status).toBe(204);
    expect((await manage(world, 'GET', client)).status).toBe(401);
    expect((await manage(world, 'DELETE', client)).status).toBe(401);
    const userinfo = await world.send('GET', '/oauth/userinfo', undefined, {
      authorization: `Bearer ${tokens.access_token}`,
    });
    expect(userinfo.status).toBe(401);
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    expect((await person.postForm('/oauth/token', refresh, asItself(client))).status).toBe(401);
    const { rows } = await world.db.query(
      `select (select count(*)::int from codex_auth.codex_pkce_requests where code_digest = $1) as codes,
              (select count(*)::int from codex_auth.oauth_grants where client_id = $2 and revoked_at is null) as grants,
              (select count(*)::int from codex_auth.audit_events where action = 'client.deleted' and subject_id = $2) as told`,
      [sha256(code.code), client.clientId],
    );
    expect(rows).toEqual([{ codes: 0, grants: 0, told: 1 }]);
  });

  it('deletes itself once, and deadlocks nobody, when asked many times at once', async () => {
    const client = await registered();
    const body = { ...METADATA, client_id: client.clientId };
    const changes = Array.from({ length: 15 }, () => manage(world, 'PUT', { ...client, body }));
    const deletions = Array.from({ length: 15 }, () => manage(world, 'DELETE', client));
    const statuses = (await Promise.all([...changes, ...deletions])).map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    for (const status of statuses) expect([200, 204, 401]).toContain(status);
  });
});

describe("somebody with another client's registration token", () => {
  it.each(['GET', 'PUT', 'DELETE'] as const)('is told by %s what a stranger is told', async (method) => {
    const [mine, theirs] = [await registered(), await registered()];
    const accessToken = (await loggedIn(theirs)).access_token;
    const body = method === 'PUT' ? { ...METADATA, client_id: theirs.clientId } : undefined;
    const answers = [];
    for (const token of [mine.token, undefined, 'x', theirs.secret, accessToken]) {
      answers.push(await manage(world, method, { clientId: theirs.clientId, token, body }));
    }
    answers.push(await manage(world, method, { clientId: 'client_unknown', token: mine.token, body }));
    answers.push(await manage(world, method, { clientId: 'app_EMoamEEZ73f0CkXaXp7hrann', token: mine.token, body }));
    answers.push(await manage(world, method, { clientId: '%00', token: mine.token, body }));
    for (const { status, body: told, headers } of answers) {
      expect([status, told]).toEqual([
        401,
        { error: 'invalid_token', error_description: 'the access token is not valid' },
      ]);
      expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
    expect((await manage(world, 'GET', theirs)).status).toBe(200);
  });
});

describe('clients that nobody lets in', () => {
  it('are deleted in time, and those that somebody let in are not, also when they hold nothing any more', async () => {
    const [unused, used] = [await registered(), await registered()];
    await loggedIn(used);
    const { db } = world;
    const { clock } = world.auth;
    const [task] = registrationCleanupTasks({ db, clock, unusedLifetimeSeconds: 3600 });
    await task?.deleteBatch(1000);
    expect((await manage(world, 'GET', unused)).status).toBe(200);
    await db.query('delete from codex_auth.oauth_grants where client_id = $1', [used.clientId]);
    clock.advance(3601);
    await task?.deleteBatch(1000);
    expect((await manage(world, 'GET', unused)).status).toBe(401);
    expect((await manage(world, 'GET', used)).status).toBe(200);
  });
});
