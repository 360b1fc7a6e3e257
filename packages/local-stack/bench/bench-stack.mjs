import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createPool } from '@codex-gateways/database';
import { codeChallengeOf, mintCodeVerifier } from '@codex-gateways/tokens';
import { Pool } from 'undici';
import { startLocalStack } from '../dist/index.js';

const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const REDIRECT_URI = 'http://127.0.0.1:1455/auth/callback';
const CACHE = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));
const ENV = {
  LOG_LEVEL: 'warn',
  CXG_LOG_LEVEL: 'warn',
  CXG_MAX_CONNECTIONS_PER_USER: '1000000',
  CXG_DRAIN_TIMEOUT: '0s',
};

/** A stack of its own for one figure, with a database connection and a way to call it as the CLI does. */
export async function withStack(replicas, work) {
  await mkdir(CACHE, { recursive: true });
  const stateDirectory = await mkdtemp(`${CACHE}growth-`);
  const stack = await startLocalStack({
    stateDirectory,
    ports: { auth: 0, app: 0, exec: 0, postgres: 0 },
    replicas: { auth: 1, app: 1, exec: 1, ...replicas },
    env: ENV,
  });
  const db = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'growth', maxConnections: 4 });
  const http = new Pool(stack.urls.auth, { connections: 64 });
  try {
    return await work({ stack, db, people: new People(http, db) });
  } finally {
    await http.close();
    await db.end();
    await stack.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

/** Logins of the first user, without the browser's pages. */
class People {
  constructor(http, db) {
    this.http = http;
    this.db = db;
  }

  async session() {
    const session = randomBytes(32).toString('base64url');
    const { rows } = await this.db.query(
      `insert into codex_auth.sessions (id_digest, user_id, expires_at)
       select $1, user_id, now() + interval '1 day' from codex_auth.workspace_members limit 1
    returning user_id, (select workspace_id from codex_auth.workspace_members limit 1)`,
      [createHash('sha256').update(session).digest()],
    );
    return { cookie: `codex_session=${session}`, userId: rows[0].user_id, workspaceId: rows[0].workspace_id };
  }

  /** A code with PKCE from a person who is signed in, and its exchange: two requests. */
  async logIn(cookie) {
    const verifier = mintCodeVerifier();
    const query = new URLSearchParams({
      ...{ response_type: 'code', client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, state: randomUUID() },
      scope: 'openid profile email offline_access',
      ...{ code_challenge: codeChallengeOf(verifier), code_challenge_method: 'S256' },
    });
    const answer = await this.http.request({ method: 'GET', path: `/oauth/authorize?${query}`, headers: { cookie } });
    await answer.body.dump();
    const code = new URL(String(answer.headers.location)).searchParams.get('code');
    const own = { client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, code_verifier: verifier };
    return this.token({ grant_type: 'authorization_code', code, ...own });
  }

  refresh(refreshToken) {
    return this.token({ grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: refreshToken });
  }

  async token(json) {
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', path: '/oauth/token', headers, body: JSON.stringify(json) };
    const answer = await this.http.request(request);
    const body = await answer.body.json();
    if (answer.statusCode !== 200) throw new Error(`${json.grant_type}: ${answer.statusCode} ${JSON.stringify(body)}`);
    return body;
  }
}
