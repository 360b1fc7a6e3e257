import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Cleanup,
  type CodexHome,
  createCodexHome,
  type ProcessExit,
  type RunningProcess,
  runCodex,
  startCodex,
  waitFor,
} from '@codex-gateways/testing';
import type { OAuthClient } from './oauth-client.ts';
import type { AuthFixture } from './use-auth-service.ts';
import { formOf } from './web-session.ts';

/** Processes that share a home are not so far apart, however slow a machine is. */
const REFRESH_REUSE_GRACE_SECONDS = 150;
/**
 * Of the codex-auth that the CLI is tested with. An access token lives shorter than the five minutes within which the CLI refreshes before it
 * uses one, also by a clock that is ahead by the grace.
 */
export const SETTINGS_FOR_CLI = {
  CODEX_AUTH_ACCESS_TOKEN_TTL: '2m',
  CODEX_AUTH_REFRESH_REUSE_GRACE: `${REFRESH_REUSE_GRACE_SECONDS}s`,
};
const CLI_TIMEOUT_MS = 100_000;
const USER_CODE = /[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/;

/** What the CLI says when its refresh token is of no use any more, and how that comes about. The last one moves the clock far. */
export const TERMINAL_REFRESH_ERRORS: readonly (readonly [
  sentence: string,
  spoil: (refreshToken: string, test: { client: OAuthClient; auth: Pick<AuthFixture, 'clock'> }) => Promise<unknown>,
])[] = [
  ['your refresh token was revoked', (token, { client }) => client.revoke(token)],
  [
    'your refresh token was already used',
    async (token, { client, auth }) => {
      await client.refresh(token);
      auth.clock.advance(REFRESH_REUSE_GRACE_SECONDS + 1);
    },
  ],
  ['your refresh token has expired', async (_token, { auth }) => auth.clock.advance(31 * 86_400)],
];

/**
 * How a CLI ended.
 * @throws {Error} with its output, when it does not end
 */
export async function exitOf(codex: RunningProcess): Promise<ProcessExit> {
  let hasEnded = false;
  const note = () => {
    hasEnded = true;
  };
  codex.exited.then(note, note);
  await waitFor(() => hasEnded, {
    timeoutMs: CLI_TIMEOUT_MS,
    describe: () => `the CLI to end; so far:\n${codex.output}`,
  });
  return codex.exited;
}

/** The real CLI of one version, used as people use it, against one codex-auth. */
export class CodexCli {
  readonly #deps: { readonly auth: Pick<AuthFixture, 'url'>; readonly client: OAuthClient; readonly cleanup: Cleanup };
  readonly #version: string | undefined;

  /** @param version - the bundled one when absent */
  constructor(deps: { auth: Pick<AuthFixture, 'url'>; client: OAuthClient; cleanup: Cleanup }, version?: string) {
    this.#deps = deps;
    this.#version = version;
  }

  async newHome(): Promise<CodexHome> {
    const home = await createCodexHome();
    this.#deps.cleanup.after(() => home.remove());
    return home;
  }

  /** Runs the CLI's device login, and decides on the page it names. */
  async deviceLogin(home: CodexHome, decision: 'approve' | 'deny'): Promise<ProcessExit> {
    const { auth, client } = this.#deps;
    const args = ['login', '--device-auth', '--experimental_issuer', auth.url];
    const codex = await startCodex({ home, args, ...this.#versionOption });
    const [userCode] = await codex.waitForOutput(USER_CODE, CLI_TIMEOUT_MS);
    expect(codex.output).toContain(`${auth.url}/codex/device`);
    const web = await client.signedIn();
    const confirm = await web.submit('/codex/device', { user_code: userCode });
    const page = await confirm.text();
    expect(page).toContain('Codex CLI');
    const { action, hidden } = formOf(page);
    await web.post(action, { ...hidden, decision });
    return exitOf(codex);
  }

  async loggedIn(): Promise<CodexHome> {
    const home = await this.newHome();
    expect(await this.deviceLogin(home, 'approve')).toMatchObject({ code: 0 });
    return home;
  }

  /** Starts an executor, which refreshes before it registers, and since 0.169 once more when the registry says 401. */
  async runExecutor(home: CodexHome): Promise<ProcessExit & { readonly bearers: readonly string[] }> {
    return this.#refused(home, (url) => ['exec-server', '--remote', url, '--environment-id', 'exe_1']);
  }

  /** Runs one turn, which refreshes before it asks the model, and once more when the model's provider says 401. */
  async runTurn(home: CodexHome): Promise<ProcessExit & { readonly bearers: readonly string[] }> {
    return this.#refused(home, (url) => {
      const provider = { name: '"p"', base_url: `"${url}"`, wire_api: '"responses"', requires_openai_auth: 'true' };
      const settings = Object.entries(provider).map(([name, value]) => `model_providers.p.${name}=${value}`);
      const options = ['model_provider="p"', ...settings].flatMap((setting) => ['-c', setting]);
      return ['exec', '--skip-git-repo-check', ...options, 'hello'];
    });
  }

  /** Runs the CLI against a server that says 401 to everything. @returns with the tokens that were sent to it */
  async #refused(
    home: CodexHome,
    argsFor: (url: string) => string[],
  ): Promise<ProcessExit & { readonly bearers: readonly string[] }> {
    const bearers: string[] = [];
    const refusing = createServer((req, res) => {
      bearers.push(req.headers.authorization?.replace('Bearer ', '') ?? '');
      const body = JSON.stringify({ error: { code: 'unauthorized', message: 'the server of this test says no' } });
      res.writeHead(401, { 'content-type': 'application/json' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const { port } = refusing.address() as AddressInfo;
    const args = argsFor(`http://127.0.0.1:${port}`);
    try {
      const exit = await runCodex({ home, args, env: this.#atOurServer, ...this.#versionOption });
      return { ...exit, bearers };
    } finally {
      refusing.closeAllConnections();
      refusing.close();
    }
  }

  logout(home: CodexHome): Promise<ProcessExit> {
    return runCodex({ home, args: ['logout'], env: this.#atOurServer, ...this.#versionOption });
  }

  async refreshTokenOf(home: CodexHome): Promise<string> {
    return (await home.readAuth())?.tokens?.refresh_token ?? '';
  }

  get #atOurServer() {
    return { CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${this.#deps.auth.url}/oauth/token` };
  }

  get #versionOption() {
    return this.#version === undefined ? {} : { version: this.#version };
  }
}
