import { parseJws } from '@codex-gateways/tokens';
import { CLI_CLIENT_ID, OAuthClient } from '../../test/oauth-client.ts';
import { FIRST_USER, useAuthService } from '../../test/use-auth-service.ts';

const auth = useAuthService({ CODEX_AUTH_CODE_TTL: '10m' });
const client = new OAuthClient(() => auth.url);

describe('token endpoint, authorization_code (RFC 6749 §4.1.3)', () => {
  it('gives the CLI the three tokens it needs, not to be stored by any cache', async () => {
    const { status, body, headers } = await client.redeem(await client.authorizationCode());
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    const idToken = parseJws(String(body.id_token))?.payload;
    expect(idToken).toMatchObject({ iss: auth.url, aud: CLI_CLIENT_ID, email: FIRST_USER.email });
    const claim = idToken?.['https://api.openai.com/auth'];
    expect(claim).toMatchObject({ chatgpt_account_id: expect.any(String), user_id: idToken?.sub });
    expect(await client.me(String(body.access_token))).toBe(200);
    expect(body.refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('lets exactly one of eight concurrent redemptions succeed, and revokes what it got', async () => {
    const code = await client.authorizationCode();
    const replies = await Promise.all(Array.from({ length: 8 }, () => client.redeem(code)));
    expect(replies.map(({ body }) => body.error ?? 'issued').sort()).toEqual([
      ...Array(7).fill('invalid_grant'),
      'issued',
    ]);
    const issued = replies.find(({ status }) => status === 200);
    expect(await client.me(String(issued?.body.access_token))).toBe(401);
  });
});
