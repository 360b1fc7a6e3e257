import { setTimeout as delay } from 'node:timers/promises';
import { parseJws } from '@codex-gateways/tokens';
import { OAuthClient, type Tokens } from '../../test/oauth-client.ts';
import { basicAuth, registerClient } from '../../test/register-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';

const auth = useAuthService({ CODEX_AUTH_REFRESH_FAMILY_TTL: '60d' });
const client = new OAuthClient(() => auth.url);
const DAY_SECONDS = 86_400;

async function refreshed(refreshToken: string): Promise<Tokens> {
  const { status, body } = await client.refresh(refreshToken);
  expect({ status, error: body.error }).toEqual({ status: 200, error: undefined });
  return body;
}

async function familyOf(accessToken: string) {
  const jti = String(parseJws(accessToken)?.payload.jti);
  const rows = await auth.db.query<{ families: number; live: number; tokens: number; revoked: boolean }>(
    `select count(distinct g.id)::int as families,
            count(*) filter (where t.spent_at is null)::int as live,
            count(*)::int as tokens,
            bool_or(g.revoked_at is not null) as revoked
       from codex_auth.codex_refresh_tokens t
       join codex_auth.oauth_grants g on g.id = t.grant_id
      where g.id = (select grant_id from codex_auth.codex_access_tokens where jti_digest = sha256($1::bytea))`,
    [Buffer.from(jti)],
  );
  return rows.rows[0];
}

describe('refresh tokens rotate (RFC 6749 §6, RFC 9700 §4.14)', () => {
  it('gives a new pair and an ID token, and the new ones work', async () => {
    const first = await client.tokens({ nonce: 'n-1' });
    const second = await refreshed(first.refresh_token);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(await client.me(second.access_token)).toBe(200);
    const [before, after] = [first, second].map((tokens) => parseJws(tokens.id_token)?.payload);
    expect(after).toMatchObject({ sub: before?.sub, auth_time: before?.auth_time });
    expect(after).not.toHaveProperty('nonce');
    await refreshed(second.refresh_token);
  });

  it('keeps the account that the CLI works for', async () => {
    const first = await client.tokens();
    const second = await refreshed(first.refresh_token);
    const [before, after] = [first, second].map(
      (tokens) => parseJws(tokens.id_token)?.payload['https://api.openai.com/auth'],
    );
    expect(after).toEqual(before);
  });

  it('takes a scope as it takes one elsewhere: each once, well formed, and not longer than it may be', async () => {
    const { refresh_token: token } = await client.tokens();
    const odd = [' ', 'openid  email', 'openid ', 'openid\temail', 'openid '.repeat(200).trim()];
    for (const scope of odd) {
      expect(await client.refresh(token, { scope })).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    }
    expect((await client.refresh(token, { scope: 'openid email openid email' })).body.scope).toBe('openid email');
  });

  it('narrows the scope of the access token on request, for that token only', async () => {
    const first = await client.tokens();
    const narrow = await client.refresh(first.refresh_token, { scope: 'email openid' });
    expect(narrow.body.scope).toBe('email openid');
    expect((await refreshed(narrow.body.refresh_token)).scope).toBe(first.scope);
    const wider = await client.refresh((await client.tokens({ scope: 'openid' })).refresh_token, {
      scope: 'openid email',
    });
    expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });
});

describe('a refresh token that is presented again', () => {
  beforeEach(() => auth.clock.stop());
  afterEach(() => auth.clock.run());

  it('gets the same successor within the grace', async () => {
    const { refresh_token } = await client.tokens();
    const first = await refreshed(refresh_token);
    auth.clock.advance(29);
    const again = await refreshed(refresh_token);
    expect(again.refresh_token).toBe(first.refresh_token);
    expect(await client.me(again.access_token)).toBe(200);
    expect(await familyOf(again.access_token)).toEqual({ families: 1, live: 1, tokens: 2, revoked: false });
  });

  it('gets the live token of its family when its successor was used meanwhile', async () => {
    const { refresh_token } = await client.tokens();
    const second = await refreshed(refresh_token);
    const third = await refreshed(second.refresh_token);
    const fourth = await refreshed(third.refresh_token);
    expect((await refreshed(refresh_token)).refresh_token).toBe(fourth.refresh_token);
    expect((await refreshed(second.refresh_token)).refresh_token).toBe(fourth.refresh_token);
  });

  it('ends the family after the grace, and writes that down', async () => {
    const { refresh_token, access_token } = await client.tokens();
    const second = await refreshed(refresh_token);
    auth.clock.advance(30);
    const reused = await client.refresh(refresh_token);
    expect(reused).toMatchObject({ status: 401, body: { error: 'refresh_token_reused' } });
    for (const token of [access_token, second.access_token]) expect(await client.me(token)).toBe(401);
    const live = await client.refresh(second.refresh_token);
    expect(live).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    const events = await auth.db.query(
      `select details ->> 'reason' as reason from codex_auth.audit_events where action = 'grant.revoked' order by id desc limit 1`,
    );
    expect(events.rows).toEqual([{ reason: 'refresh_token_reused' }]);
  });

  it('signs nobody out when two hundred requests refresh one token at once', async () => {
    const { refresh_token } = await client.tokens();
    const replies = await Promise.all(Array.from({ length: 200 }, () => client.refresh(refresh_token)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ body }) => body.refresh_token)).size).toBe(1);
    const [first] = replies;
    expect(await familyOf(first?.body.access_token ?? '')).toEqual({ families: 1, live: 1, tokens: 2, revoked: false });
    const alive = await Promise.all(replies.map(({ body }) => client.me(body.access_token)));
    expect(new Set(alive)).toEqual(new Set([200]));
    await refreshed(first?.body.refresh_token ?? '');
  });

  it('signs nobody out when processes refresh what they last saw, each at its own pace', async () => {
    let shared = (await client.tokens()).refresh_token;
    const statuses: number[] = [];
    const worker = async (pauseMs: number) => {
      for (let round = 0; round < 8; round += 1) {
        const mine = shared;
        await delay(pauseMs);
        const { status, body } = await client.refresh(mine);
        statuses.push(status);
        shared = body.refresh_token;
      }
    };
    await Promise.all([0, 1, 3, 7, 13].map(worker));
    expect(new Set(statuses)).toEqual(new Set([200]));
    await refreshed(shared);
  });
});

describe('refresh tokens end', () => {
  it('after the idle lifetime', async () => {
    const { refresh_token } = await client.tokens();
    auth.clock.advance(30 * DAY_SECONDS);
    const { status, body } = await client.refresh(refresh_token);
    expect({ status, error: body.error }).toEqual({ status: 401, error: 'refresh_token_expired' });
  });

  it('after the lifetime of the family, however often they were used', async () => {
    let { refresh_token } = await client.tokens();
    for (let days = 20; days < 60; days += 20) {
      auth.clock.advance(20 * DAY_SECONDS);
      refresh_token = (await refreshed(refresh_token)).refresh_token;
    }
    auth.clock.advance(20 * DAY_SECONDS);
    expect(await client.refresh(refresh_token)).toMatchObject({
      status: 401,
      body: { error: 'refresh_token_expired' },
    });
  });

  it('with the user who is disabled', async () => {
    const { refresh_token, access_token } = await client.tokens();
    await auth.db.query('update codex_auth.users set disabled_at = now()');
    const refused = await client.refresh(refresh_token);
    const me = await client.me(access_token);
    await auth.db.query('update codex_auth.users set disabled_at = null');
    expect(refused).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    expect(me).toBe(401);
  });

  it.each(['unknown', 'a'.repeat(43), 'ä', `${'a'.repeat(43)}\n`, ' '])(
    'for a text that never was one: %j',
    async (text) => {
      expect(await client.refresh(text)).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    },
  );
});

describe('whose refresh token it is', () => {
  it('accepts the built-in client id for the tokens of another public client, since old CLIs send no other', async () => {
    const other = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const web = await client.signedIn();
    const tokens = await consented(other.clientId, other.redirectUri, web);
    const { status, body } = await client.refresh(tokens.refresh_token);
    expect(status).toBe(200);
    expect(parseJws(body.id_token)?.payload.aud).toBe(other.clientId);
  });

  it('refuses a public client the tokens of another, and everybody those of a confidential one', async () => {
    const stranger = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const { refresh_token } = await client.tokens();
    const refused = await client.refresh(refresh_token, { client_id: stranger.clientId });
    expect(refused).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    const confidential = await registerClient(auth.db);
    const web = await client.signedIn();
    const theirs = await consented(confidential.clientId, confidential.redirectUri, web, basicAuth(confidential));
    expect((await client.refresh(theirs.refresh_token)).status).toBe(401);
    const own = await client.postForm(
      '/oauth/token',
      { grant_type: 'refresh_token', refresh_token: theirs.refresh_token },
      basicAuth(confidential),
    );
    expect(own.status).toBe(200);
  });
});

/** Runs a code flow for a client whose consent page the person approves. */
async function consented(
  clientId: string,
  redirectUri: string,
  web: Awaited<ReturnType<OAuthClient['signedIn']>>,
  headers: Record<string, string> = {},
): Promise<Tokens> {
  const parameters = { client_id: clientId, redirect_uri: redirectUri, scope: 'openid offline_access' };
  await web.submit(client.authorizePath(parameters), { decision: 'approve' });
  const { code, codeVerifier } = await client.authorizationCode(parameters, web);
  const { status, body } = await client.postForm<Tokens>(
    '/oauth/token',
    {
      grant_type: 'authorization_code',
      code,
      code_verifier: codeVerifier,
      redirect_uri: redirectUri,
      client_id: clientId,
    },
    headers,
  );
  if (status !== 200) throw new Error(`no tokens, but ${status} ${JSON.stringify(body)}`);
  return body;
}
