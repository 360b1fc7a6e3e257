import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { createPool } from '@codex-gateways/database';
import Provider from 'oidc-provider';
import { createAdapter, createTable } from './oidc-provider-adapter.mjs';

// The peer of the bench as a process: two RS256 signatures an answer and rotation, as codex-auth has them. It prints its state as a line
// of JSON, and makes as many codes as a line on its standard input says.
const [port, databaseUrl] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}`;
const RESOURCE = 'urn:bench';
const SCOPE = 'openid profile email offline_access';
const REDIRECT_URI = 'http://localhost:1455/auth/callback';
const CODE_CHALLENGE = createHash('sha256').update('v'.repeat(43)).digest('base64url');

const pool = createPool({ databaseUrl, applicationName: 'oidc-provider', maxConnections: 10 });
await createTable(pool);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' });

const provider = new Provider(url, {
  adapter: createAdapter(pool),
  jwks: { keys: [{ ...jwk, kid: 'k1', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['bench'] },
  clients: [
    {
      client_id: 'bench',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
    },
    { client_id: 'rs', client_secret: 'secret-of-the-bench', redirect_uris: [], response_types: [], grant_types: [] },
  ],
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, email: 'dev@localhost' }) }),
  ttl: { AccessToken: 3600, AuthorizationCode: 600, IdToken: 3600, RefreshToken: 86_400, Grant: 86_400 },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api',
        audience: RESOURCE,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

const client = await provider.Client.find('bench');

async function newGrant() {
  const grant = new provider.Grant({ accountId: 'user', clientId: 'bench' });
  grant.addOIDCScope(SCOPE);
  grant.addResourceScope(RESOURCE, 'api');
  return grant.save();
}

async function newCode() {
  const code = new provider.AuthorizationCode({
    accountId: 'user',
    client,
    grantId: await newGrant(),
    gty: 'authorization_code',
    scope: `${SCOPE} api`,
    resource: RESOURCE,
    redirectUri: REDIRECT_URI,
    codeChallenge: CODE_CHALLENGE,
    codeChallengeMethod: 'S256',
    authTime: Math.floor(Date.now() / 1000),
  });
  return code.save();
}

/** One without a resource, so that it is opaque and stored, as introspection needs it. */
async function newAccessToken() {
  const grantId = await newGrant();
  return new provider.AccessToken({
    accountId: 'user',
    client,
    grantId,
    gty: 'authorization_code',
    scope: SCOPE,
  }).save();
}

provider.listen(Number(port), '127.0.0.1', async () => {
  process.stdout.write(`${JSON.stringify({ accessToken: await newAccessToken() })}\n`);
});
for await (const line of createInterface({ input: process.stdin })) {
  const codes = [];
  for (let made = 0; made < Number(line); made += 20) {
    codes.push(...(await Promise.all(Array.from({ length: 20 }, newCode))));
  }
  process.stdout.write(`${JSON.stringify(codes)}\n`);
}
