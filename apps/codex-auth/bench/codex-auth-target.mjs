import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createPool } from '@codex-gateways/database';
import { freePort, startProcess, waitFor } from '@codex-gateways/testing';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const REDIRECT_URI = 'http://localhost:1455/auth/callback';
const INTERNAL_SECRET = 'internal-secret-of-the-bench';
const VERIFIER = 'v'.repeat(43);
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

const sha256 = (text) => createHash('sha256').update(text).digest();

/**
 * A codex-auth process over a database, with codes to redeem. `nodeOptions` such as `--cpu-prof` go to the process.
 * @param beside - another one, of which it is a second replica
 */
export async function startCodexAuth(databaseUrl, { nodeOptions = [], beside } = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    CODEX_AUTH_ISSUER_URL: url,
    CODEX_AUTH_DATABASE_URL: databaseUrl,
    CODEX_AUTH_MASTER_KEY: randomBytes(32).toString('base64'),
    INTERNAL_API_SECRET: INTERNAL_SECRET,
    DEV_USER_EMAIL: 'dev@localhost',
    DEV_USER_PASSWORD: randomBytes(16).toString('hex'),
    LOG_LEVEL: 'warn',
    ...beside?.env,
    CODEX_AUTH_PORT: String(port),
  };
  const child = startProcess(process.execPath, [...nodeOptions, MAIN], { env });
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor(isReady, { timeoutMs: 60_000, describe: () => `codex-auth is ready: ${child.output}` });
  const db = createPool({ databaseUrl, applicationName: 'bench' });
  const post = async (path, headers, body) => (await fetch(url + path, { method: 'POST', headers, body })).json();
  return {
    url,
    pid: child.pid,
    env,
    db,
    codes: (count) => insertCodes(db, count),
    codeRequest: (code) => ({ path: '/oauth/token', headers: FORM, body: codeForm(code) }),
    refreshRequest: (refreshToken) => ({
      path: '/oauth/token',
      headers: JSON_TYPE,
      body: JSON.stringify({ client_id: CLIENT_ID, grant_type: 'refresh_token', refresh_token: refreshToken }),
    }),
    redeem: (code) => post('/oauth/token', FORM, codeForm(code)),
    validateRequest: (accessToken) => ({
      path: '/internal/codex-auth/validate',
      headers: { ...JSON_TYPE, 'x-internal-secret': INTERNAL_SECRET },
      body: JSON.stringify({ scheme: 'bearer', token: accessToken }),
    }),
    /** A remote token, and the request that verifies it. */
    async verifyRequest(accessToken) {
      const { rows } = await db.query('select workspace_id from codex_auth.workspace_members limit 1');
      const headers = { ...JSON_TYPE, authorization: `Bearer ${accessToken}` };
      const body = JSON.stringify({ workspace_id: rows[0].workspace_id, name: 'bench' });
      const { token } = await post('/api/codex/tokens', headers, body);
      const path = '/api/internal/codex/tokens/verify';
      return { path, headers: { ...JSON_TYPE, 'x-internal-secret': INTERNAL_SECRET }, body: JSON.stringify({ token }) };
    },
    async stop() {
      await db.end();
      await child.stop(10_000);
    },
  };
}

function codeForm(code) {
  return new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
    code,
  }).toString();
}

async function insertCodes(db, count) {
  const codes = Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
  await db.query(
    `insert into codex_auth.codex_pkce_requests
            (code_digest, grant_id, client_id, user_id, redirect_uri, code_challenge, scope, created_at, expires_at)
     select code.digest, code.grant_id, $3, (select id from codex_auth.users limit 1), $4, $5,
            'openid profile email offline_access', now(), now() + interval '10 minutes'
       from unnest($1::bytea[], $2::uuid[]) as code (digest, grant_id)`,
    [codes.map(sha256), codes.map(() => randomUUID()), CLIENT_ID, REDIRECT_URI, sha256(VERIFIER).toString('base64url')],
  );
  return codes;
}
