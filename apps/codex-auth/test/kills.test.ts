import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createPool } from '@codex-gateways/database';
import { type RunningProcess, startProcess, useCleanup, useTestDatabase, waitFor } from '@codex-gateways/testing';
import { OAuthClient } from './oauth-client.ts';
import { authEnvironment, PATIENCE } from './use-auth-service.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const FAMILIES = 6;
/** `FAULTS_KILLS=40` is the long measure. */
const KILLS = Number(process.env.FAULTS_KILLS ?? 5);
const REFRESHES_BETWEEN_KILLS = 15;
const RECONNECT_PAUSE_MS = 25;

const cleanup = useCleanup();
const database = useTestDatabase();

/** A codex-auth as its own process, which can be killed and started again. */
class KillableService {
  #process: RunningProcess | undefined;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** Of the process that runs, or ran last. */
  get output(): string {
    return this.#process?.output ?? '';
  }

  get url(): string {
    return `http://127.0.0.1:${this.#env.CODEX_AUTH_PORT}`;
  }

  async start(): Promise<void> {
    const started = startProcess(process.execPath, [MAIN], { env: this.#env });
    this.#process = started;
    await waitFor(
      () =>
        fetch(`${this.url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      {
        timeoutMs: 60_000,
        describe: () => `codex-auth to be ready: ${started.output}`,
      },
    );
  }

  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    await this.#process?.exited;
  }
}

/** A client that refreshes without a pause while it is answered, and repeats a refresh whose answer it never got. */
class TirelessClient {
  refreshes = 0;
  readonly refusals: unknown[] = [];
  #isStopped = false;
  #refreshToken: string;
  readonly #client: OAuthClient;

  constructor(client: OAuthClient, refreshToken: string) {
    this.#client = client;
    this.#refreshToken = refreshToken;
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const answer = await this.#client.refresh(this.#refreshToken).catch(() => undefined);
      if (answer === undefined) {
        // No connection, or it broke: nobody knows what became of the request. The processor is for the service, which starts again.
        await delay(RECONNECT_PAUSE_MS);
        continue;
      }
      if (answer.status === 200) this.#refreshToken = answer.body.refresh_token;
      else this.refusals.push(answer.body);
      this.refreshes += 1;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

describe('codex-auth, killed while it refreshes and redeems', () => {
  it('leaves either the old state or the new one: nobody is signed out, no code buys nothing', async () => {
    const service = new KillableService(
      await authEnvironment(database.url, { CODEX_AUTH_REFRESH_REUSE_GRACE: '10m', LOG_LEVEL: 'error' }),
    );
    await service.start();
    cleanup.after(() => service.kill());
    const client = new OAuthClient(() => service.url);
    const web = await client.signedIn();
    const clients: TirelessClient[] = [];
    // Also when something fails before the end: they would go on for ever.
    cleanup.after(() => {
      for (const each of clients) each.stop();
    });
    for (let family = 0; family < FAMILIES; family += 1) {
      const { body } = await client.redeem(await client.authorizationCode({}, web));
      clients.push(new TirelessClient(client, String(body.refresh_token)));
    }
    const running = clients.map((each) => each.run());
    const total = () => clients.reduce((sum, { refreshes }) => sum + refreshes, 0);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = total();
      const codes = await Promise.all(Array.from({ length: 4 }, () => client.authorizationCode({}, web)));
      await waitFor(() => total() >= before + REFRESHES_BETWEEN_KILLS, {
        timeoutMs: 60_000,
        describe: () => `refreshes: ${service.output}`,
      });
      const redeeming = codes.map((code) => client.redeem(code).catch(() => undefined));
      await Promise.race(kill % 2 === 0 ? redeeming : [Promise.resolve()]);
      await service.kill();
      await Promise.all(redeeming);
      await service.start();
    }
    const before = total();
    await waitFor(() => total() >= before + REFRESHES_BETWEEN_KILLS, {
      timeoutMs: 60_000,
      describe: () => `refreshes: ${service.output}`,
    });
    for (const each of clients) each.stop();
    await Promise.all(running);
    expect(clients.flatMap(({ refusals }) => refusals)).toEqual([]);
    const pool = createPool({ databaseUrl: database.url, applicationName: 'test', ...PATIENCE });
    const { rows } = await pool.query(
      `select (select count(*)::int from codex_auth.oauth_grants where revoked_at is not null) as revoked,
              (select count(*)::int
                 from codex_auth.oauth_grants g
                where 1 <> (select count(*)
                              from codex_auth.codex_refresh_tokens t
                             where t.grant_id = g.id and t.spent_at is null)) as without_one_live_token,
              (select count(*)::int
                 from codex_auth.codex_pkce_requests p
                where (p.redeemed_at is null) = exists (select 1 from codex_auth.oauth_grants g where g.id = p.grant_id)
              ) as codes_for_nothing`,
    );
    await pool.end();
    expect(rows).toEqual([{ revoked: 0, without_one_live_token: 0, codes_for_nothing: 0 }]);
  }, 600_000);
});
