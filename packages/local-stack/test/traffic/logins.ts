import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from '@codex-gateways/database';
import { codeChallengeOf, mintCodeVerifier } from '@codex-gateways/tokens';
import { request } from 'undici';
import { callApi } from '../api.ts';

/** The client id that every Codex CLI has built in. */
export const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const REDIRECT_URI = 'http://127.0.0.1:1455/auth/callback';
const REFRESHES_PER_LOGIN = 3;

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** The first user, signed in at a browser. @returns the session's cookie */
export async function openSession(db: Pool): Promise<string> {
  const session = randomBytes(32).toString('base64url');
  await db.query(
    `insert into codex_auth.sessions (id_digest, user_id, expires_at)
     select $1, user_id, now() + interval '1 day' from codex_auth.workspace_members limit 1`,
    [createHash('sha256').update(session).digest()],
  );
  return `codex_session=${session}`;
}

/** One login as the CLI makes it, without the browser's pages: code with PKCE, then the exchange. */
export async function logIn(issuer: string, cookie: string): Promise<Tokens> {
  const verifier = mintCodeVerifier();
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email offline_access',
    code_challenge: codeChallengeOf(verifier),
    code_challenge_method: 'S256',
    state: randomBytes(16).toString('base64url'),
  });
  const authorized = await request(`${issuer}/oauth/authorize?${query}`, { headers: { cookie } });
  await authorized.body.dump();
  const code = new URL(String(authorized.headers.location), issuer).searchParams.get('code');
  if (authorized.statusCode !== 302 || code === null) throw new Error(`authorize: ${authorized.statusCode}`);
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier };
  return token(issuer, { ...form, client_id: CLIENT_ID, redirect_uri: REDIRECT_URI });
}

/** The refresh of a login, as the CLI makes it. */
function refresh(issuer: string, refreshToken: string): Promise<Tokens> {
  return token(issuer, { grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: refreshToken });
}

async function token(issuer: string, json: Record<string, string>): Promise<Tokens> {
  const answer = await callApi<Tokens>(`${issuer}/oauth/token`, { method: 'POST', json });
  if (answer.status !== 200) throw new Error(`${json.grant_type}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** People who log in, work for three refreshes, and log in again, several at once. */
export class LoginTraffic {
  readonly lost: string[] = [];
  logins = 0;
  refreshes = 0;
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(issuer: string, { cookie, people }: { cookie: string; people: number }) {
    this.#running = Array.from({ length: people }, () => this.#person(issuer, cookie));
  }

  /** Lets each end what it began. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #person(issuer: string, cookie: string): Promise<void> {
    while (!this.#isOver) {
      try {
        let tokens = await logIn(issuer, cookie);
        this.logins += 1;
        for (let turn = 0; turn < REFRESHES_PER_LOGIN; turn += 1) {
          tokens = await refresh(issuer, tokens.refresh_token);
          this.refreshes += 1;
        }
        const me = await callApi(`${issuer}/api/me`, { bearer: tokens.access_token });
        if (me.status !== 200) throw new Error(`a fresh access token: ${me.status}`);
      } catch (error) {
        this.lost.push(String(error));
      }
    }
  }
}
