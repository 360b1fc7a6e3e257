import { codeChallengeOf, mintCodeVerifier } from '@codex-gateways/tokens';
import { WebSession } from './web-session.ts';

export const CLI_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
export const CLI_REDIRECT_URI = 'http://localhost:1455/auth/callback';

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
}

/** An answer of a JSON endpoint. */
export interface JsonAnswer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The requests of the Codex CLI, and of clients like it, against one codex-auth. */
export class OAuthClient {
  readonly #baseUrl: () => string;

  constructor(baseUrl: () => string) {
    this.#baseUrl = baseUrl;
  }

  get url(): string {
    return this.#baseUrl();
  }

  /** The parameters of an authorization request as the CLI sends them, some of them replaced or, if undefined, left out. */
  authorizePath(parameters: Record<string, string | undefined> = {}): string {
    const all: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: CLI_CLIENT_ID,
      redirect_uri: CLI_REDIRECT_URI,
      scope: 'openid profile email offline_access api.connectors.read api.connectors.invoke',
      code_challenge: codeChallengeOf('v'.repeat(43)),
      code_challenge_method: 'S256',
      id_token_add_organizations: 'true',
      codex_cli_simplified_flow: 'true',
      state: 'state-of-the-test',
      originator: 'codex_cli_rs',
      ...parameters,
    };
    const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return `/oauth/authorize?${new URLSearchParams(present)}`;
  }

  async signedIn(): Promise<WebSession> {
    const web = new WebSession(this.url);
    await web.signIn();
    return web;
  }

  /** A fresh code with the verifier it is bound to. */
  async authorizationCode(parameters: Record<string, string | undefined> = {}, web?: WebSession) {
    const codeVerifier = mintCodeVerifier();
    const path = this.authorizePath({ code_challenge: codeChallengeOf(codeVerifier), ...parameters });
    const answer = await (web ?? (await this.signedIn())).get(path);
    const location = new URL(answer.headers.get('location') ?? 'none:');
    const code = location.searchParams.get('code');
    if (code === null) throw new Error(`no code, but ${answer.status} ${location.href}`);
    return { code, codeVerifier, location };
  }

  redeem(code: { code: string; codeVerifier: string }, changes: Record<string, string | undefined> = {}) {
    return this.token({
      grant_type: 'authorization_code',
      code: code.code,
      redirect_uri: CLI_REDIRECT_URI,
      client_id: CLI_CLIENT_ID,
      code_verifier: code.codeVerifier,
      ...changes,
    });
  }

  /** Tokens as the CLI has them after a login. */
  async tokens(parameters: Record<string, string | undefined> = {}): Promise<Tokens> {
    const { status, body } = await this.redeem(await this.authorizationCode(parameters));
    if (status !== 200) throw new Error(`no tokens, but ${status} ${JSON.stringify(body)}`);
    return body as unknown as Tokens;
  }

  /** As the CLI refreshes: JSON. */
  refresh(
    refreshToken: string,
    changes: Record<string, string> = {},
  ): Promise<JsonAnswer<Tokens & { error?: string }>> {
    const body = { client_id: CLI_CLIENT_ID, grant_type: 'refresh_token', refresh_token: refreshToken, ...changes };
    return this.postJson('/oauth/token', body);
  }

  /** As the CLI logs out: JSON. */
  revoke(token: string, changes: Record<string, string> = {}): Promise<JsonAnswer> {
    return this.postJson('/oauth/revoke', { token, client_id: CLI_CLIENT_ID, ...changes });
  }

  token(parameters: Record<string, string | undefined>): Promise<JsonAnswer> {
    return this.postForm('/oauth/token', parameters);
  }

  async postForm<Body = Record<string, unknown>>(
    path: string,
    parameters: Record<string, string | undefined>,
    headers: Record<string, string> = {},
  ): Promise<JsonAnswer<Body>> {
    const present = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return answered(await fetch(`${this.url}${path}`, { method: 'POST', body: new URLSearchParams(present), headers }));
  }

  async postJson<Body = Record<string, unknown>>(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<JsonAnswer<Body>> {
    return answered(
      await fetch(`${this.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );
  }

  async me(accessToken: string): Promise<number> {
    return (await fetch(`${this.url}/api/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status;
  }
}

async function answered<Body>(answer: Response): Promise<JsonAnswer<Body>> {
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text === '' ? {} : JSON.parse(text)) as Body };
}
