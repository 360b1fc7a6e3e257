import { OAuthClient } from '../../test/oauth-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';

describe('GET accounts/check, by which the CLI routes its workspaces', () => {
  const auth = useAuthService();
  const client = new OAuthClient(() => auth.url);
  const check = (path: string, headers: Record<string, string> = {}) => fetch(`${auth.url}${path}`, { headers });

  it.each(['/backend-api/wham/accounts/check', '/api/codex/accounts/check'])(
    'lists the workspaces of the caller at %s, served by nobody but the issuer',
    async (path) => {
      const { access_token } = await client.tokens();
      const authorization = `Bearer ${access_token}`;
      const workspaces = (await (await check('/api/workspaces', { authorization })).json()) as {
        id: string;
        name: string;
      }[];
      const answer = await check(path, { authorization });
      expect(answer.status).toBe(200);
      const [account] = workspaces;
      expect(await answer.json()).toEqual({
        accounts: [
          {
            id: account?.id,
            name: account?.name,
            structure: 'workspace',
            workspace_backend_origin: auth.url.replace('http:', 'https:'),
            account_routing_override: 'NO_CONSTRAINT',
          },
        ],
        default_account_id: account?.id,
      });
    },
  );
  it('tells a stranger nothing', async () => {
    expect((await check('/api/codex/accounts/check')).status).toBe(401);
  });
});
