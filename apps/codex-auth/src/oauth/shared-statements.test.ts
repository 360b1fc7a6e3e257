import { randomBytes, randomUUID } from 'node:crypto';
import { sha256 } from '@codex-gateways/crypto';
import { transaction } from '@codex-gateways/database';
import { codeChallengeOf } from '@codex-gateways/tokens';
import { CLI_REDIRECT_URI, OAuthClient } from '../../test/oauth-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { newTokens, tokenTimes } from './new-tokens.ts';
import { redeemAuthorizationCodes } from './pkce-request-store.ts';
import { rotateRefreshTokens } from './refresh-token-store.ts';
import { BUILT_IN_CLIENT_ID } from './scopes.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);
const lifetimes = {
  ...{ accessTokenLifetimeSeconds: 3600, refreshTokenLifetimeSeconds: 86_400 },
  refreshFamilyLifetimeSeconds: 864_000,
};
const times = () => tokenTimes(auth.clock, lifetimes);

/** Refresh tokens of as many families. */
async function families(count: number, scope?: string): Promise<string[]> {
  const web = await client.signedIn();
  const all = Array.from({ length: count }, async () => {
    const { body } = await client.redeem(await client.authorizationCode(scope === undefined ? {} : { scope }, web));
    return String(body.refresh_token);
  });
  return Promise.all(all);
}

const rotationOf = (
  token: string,
  { clientId = BUILT_IN_CLIENT_ID, scope }: { clientId?: string; scope?: string } = {},
) => ({
  tokenDigest: sha256(token),
  clientId,
  anyPublicClient: clientId === BUILT_IN_CLIENT_ID,
  scope,
  ...newTokens().digests,
});

async function liveDigests(): Promise<string[]> {
  const { rows } = await auth.db.query<{ digest: string }>(
    `select encode(token_digest, 'hex') as digest from codex_auth.codex_refresh_tokens where spent_at is null`,
  );
  return rows.map(({ digest }) => digest);
}

describe('refresh tokens that rotate in one statement', () => {
  it('rotate each as if it were alone: what is wrong with one is no matter of the others', async () => {
    const [plain = '', narrowed = '', tooWide = '', strange = '', twice = ''] = await families(5, 'openid email');
    const rotations = [
      rotationOf(plain),
      rotationOf('unknown'),
      rotationOf(narrowed, { scope: 'email' }),
      rotationOf(tooWide, { scope: 'openid profile' }),
      rotationOf(strange, { clientId: 'somebody else' }),
      rotationOf(twice),
      rotationOf(twice),
    ];
    const rotated = await rotateRefreshTokens(auth.db, { rotations, times: times(), waits: false });
    const winner = rotated.has(5) ? 5 : 6;
    expect([...rotated.keys()].sort()).toEqual([0, 2, winner]);
    expect([rotated.get(0)?.scope, rotated.get(2)?.scope]).toEqual(['openid email', 'email']);
    const live = await liveDigests();
    const successors = rotations.map(({ refreshDigest }) => live.includes(refreshDigest.toString('hex')));
    expect(successors).toEqual(rotations.map((_, position) => rotated.has(position)));
    const isStillLive = (token: string) => live.includes(sha256(token).toString('hex'));
    expect([plain, narrowed, tooWide, strange, twice].map(isStillLive)).toEqual([false, false, true, true, false]);
    const again = await rotateRefreshTokens(auth.db, { rotations, times: times(), waits: false });
    expect([...again.keys()]).toEqual([]);
  });

  it('are undone all together when the statement fails', async () => {
    const [first = '', second = ''] = await families(2);
    const rotations = [rotationOf(first), { ...rotationOf(second), refreshDigest: sha256(first) }];
    await expect(rotateRefreshTokens(auth.db, { rotations, times: times(), waits: false })).rejects.toMatchObject({
      code: '23505',
    });
    const live = await liveDigests();
    expect([first, second].map((token) => live.includes(sha256(token).toString('hex')))).toEqual([true, true]);
  });

  it('are never caught in a deadlock with the same ones in another order, and each rotates once', async () => {
    let tokens = await families(8);
    for (let round = 0; round < 10; round += 1) {
      const successors = tokens.map(() => newTokens().refreshToken);
      const [forth, back] = [0, 1].map(() =>
        tokens.map((token, place) => ({ ...rotationOf(token), refreshDigest: sha256(successors[place] ?? '') })),
      );
      const rotated = await Promise.all(
        [forth ?? [], back?.reverse() ?? []].map((rotations) =>
          rotateRefreshTokens(auth.db, { rotations, times: times(), waits: false }),
        ),
      );
      expect(rotated.reduce((sum, { size }) => sum + size, 0)).toBe(tokens.length);
      tokens = successors;
    }
  });

  it('wait for none that somebody else holds, who is answered when it is free', async () => {
    const [held = '', ...others] = await families(12);
    let waiting: ReturnType<OAuthClient['refresh']> | undefined;
    await transaction(auth.db, async (tx) => {
      await tx.query('select 1 from codex_auth.codex_refresh_tokens where token_digest = $1 for update', [
        sha256(held),
      ]);
      waiting = client.refresh(held);
      const replies = await Promise.all(others.map((token) => client.refresh(token)));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    });
    expect((await waiting)?.status).toBe(200);
  });
});

describe('authorization codes that are redeemed in one statement', () => {
  async function codes(count: number) {
    const codeVerifier = 'v'.repeat(43);
    const all = Array.from({ length: count }, () => ({ code: randomBytes(32).toString('base64url'), codeVerifier }));
    await auth.db.query(
      `insert into codex_auth.codex_pkce_requests
              (code_digest, grant_id, client_id, user_id, redirect_uri, code_challenge, scope, created_at, expires_at)
       select each.digest, each.grant_id, $3, (select id from codex_auth.users limit 1), $7,
              $4, 'openid', $5, $6
         from unnest($1::bytea[], $2::uuid[]) as each (digest, grant_id)`,
      [
        all.map(({ code }) => sha256(code)),
        all.map(() => randomUUID()),
        BUILT_IN_CLIENT_ID,
        codeChallengeOf(codeVerifier),
        auth.clock.now(),
        new Date(auth.clock.now().getTime() + 600_000),
        CLI_REDIRECT_URI,
      ],
    );
    return all.map(({ code }) => code);
  }

  const purchaseOf = (code: string, more: { redirectUri?: string; codeVerifier?: string; ip?: string } = {}) => ({
    codeDigest: sha256(code),
    clientId: BUILT_IN_CLIENT_ID,
    clientIsPublic: true,
    redirectUri: more.redirectUri ?? CLI_REDIRECT_URI,
    isDeviceCallback: false,
    codeChallenge: codeChallengeOf(more.codeVerifier ?? 'v'.repeat(43)),
    issueRefreshToken: true,
    ip: more.ip,
    userAgent: 'a "client" of {quotes}, \\ and commas',
    ...newTokens().digests,
  });

  it('are redeemed each as if it were alone: what is wrong with one is no matter of the others', async () => {
    const [plain = '', elsewhere = '', guessed = '', twice = '', without = ''] = await codes(5);
    const purchases = [
      purchaseOf(plain, { ip: '2001:db8::1' }),
      purchaseOf(elsewhere, { redirectUri: `${CLI_REDIRECT_URI}/elsewhere` }),
      purchaseOf(guessed, { codeVerifier: 'g'.repeat(43) }),
      purchaseOf('unknown'),
      purchaseOf(twice),
      purchaseOf(twice),
      { ...purchaseOf(without), issueRefreshToken: false },
    ];
    const redeemed = await redeemAuthorizationCodes(auth.db, { purchases, times: times(), waits: false });
    const winner = redeemed.has(4) ? 4 : 5;
    expect([...redeemed.keys()].sort()).toEqual([0, winner, 6]);
    const grants = await auth.db.query<{ ip: string | null; user_agent: string; refresh_tokens: number }>(
      `select host(g.ip) as ip, g.user_agent,
              (select count(*)::int from codex_auth.codex_refresh_tokens t where t.grant_id = g.id) as refresh_tokens
         from codex_auth.oauth_grants g
        where g.id = any ($1::uuid[])
        order by g.ip, refresh_tokens`,
      [[...redeemed.values()].map(({ grantId }) => grantId)],
    );
    const userAgent = 'a "client" of {quotes}, \\ and commas';
    expect(grants.rows).toEqual([
      { ip: '2001:db8::1', user_agent: userAgent, refresh_tokens: 1 },
      { ip: null, user_agent: userAgent, refresh_tokens: 0 },
      { ip: null, user_agent: userAgent, refresh_tokens: 1 },
    ]);
    expect((await redeemAuthorizationCodes(auth.db, { purchases, times: times(), waits: false })).size).toBe(0);
  });

  it('each buy once, and a replay among them revokes what its code bought and nothing else', async () => {
    const all = await codes(10);
    const redeem = (code: string) => client.redeem({ code, codeVerifier: 'v'.repeat(43) });
    const [first = '', ...rest] = all;
    const bought = await redeem(first);
    const replies = await Promise.all([first, ...rest].map(redeem));
    expect(replies.map(({ status }) => status)).toEqual([400, ...rest.map(() => 200)]);
    expect(await client.me(String(bought.body.access_token))).toBe(401);
    const alive = await Promise.all(replies.slice(1).map(({ body }) => client.me(String(body.access_token))));
    expect(new Set(alive)).toEqual(new Set([200]));
  });
});
