import type { Environment } from '@codex-gateways/service';
import { freePort } from '@codex-gateways/testing';
import { HostileProvider } from './hostile-provider.ts';
import { useAuthService } from './use-auth-service.ts';
import { World } from './use-world.ts';
import { WebSession } from './web-session.ts';

/** One entry of `CODEX_AUTH_UPSTREAMS`. */
export type UpstreamEntry = Record<string, unknown>;

/** An entry for OpenID Connect, open to everybody of example.com. */
export function oidcEntry(name: string, issuer: string, changes: UpstreamEntry = {}): UpstreamEntry {
  return {
    ...{ name, display_name: `The ${name}`, type: 'oidc', issuer, client_id: 'codex' },
    client_secret_env: 'UPSTREAM_SECRET',
    allowed_email_domains: ['example.com'],
    ...changes,
  };
}

/** A codex-auth in front of providers that do as they are told, each by its name. */
export class UpstreamWorld extends World {
  readonly #providers: ReadonlyMap<string, HostileProvider>;

  constructor(auth: ConstructorParameters<typeof World>[0], providers: ReadonlyMap<string, HostileProvider>) {
    super(auth);
    this.#providers = providers;
  }

  provider(name = 'corp'): HostileProvider {
    const provider = this.#providers.get(name);
    if (!provider) throw new TypeError(`there is no provider ${name}`);
    return provider;
  }

  newBrowser(): WebSession {
    return new WebSession(this.auth.url);
  }

  /** Sets out for a provider. @returns where the browser is sent */
  async setOut(web: WebSession, path = '/login/upstream/corp'): Promise<URL> {
    const answer = await web.get(path);
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`no way to the provider, but ${answer.status}: ${await answer.text()}`);
    return new URL(location);
  }

  /** Goes to a provider and stops before coming back. @returns where the browser is sent back to */
  async beThere(web: WebSession, path?: string): Promise<URL> {
    const answer = await fetch(await this.setOut(web, path), { redirect: 'manual' });
    return new URL(answer.headers.get('location') ?? 'none:');
  }

  /** The whole way, there and back. */
  async signIn(web = this.newBrowser(), path?: string): Promise<{ web: WebSession; answer: Response; text: string }> {
    const answer = await web.get((await this.beThere(web, path)).href);
    return { web, answer, text: await answer.text() };
  }

  async me(web: WebSession): Promise<{ id: string; email: string } | undefined> {
    const answer = await web.get('/api/me');
    return answer.status === 200 ? ((await answer.json()) as { id: string; email: string }) : undefined;
  }

  async auditOf(action: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.db.query<{ details: Record<string, unknown> }>(
      'select details from codex_auth.audit_events where action = $1 order by id',
      [action],
    );
    return rows.map(({ details }) => details);
  }
}

/**
 * Registers hooks that start providers and a codex-auth in front of them.
 * @param entries - given the issuers of the providers and the base URL of codex-auth
 */
export function useUpstreams(
  names: readonly string[],
  entries: (issuerOf: (name: string) => string, baseUrl: string) => readonly UpstreamEntry[],
  overrides: Environment = {},
): UpstreamWorld {
  const providers = new Map<string, HostileProvider>();
  const issuerOf = (name: string) => providers.get(name)?.issuer ?? '';
  afterAll(async () => {
    for (const provider of providers.values()) await provider.close();
  });
  const auth = useAuthService(async () => {
    for (const name of names) providers.set(name, await HostileProvider.start());
    const port = String(await freePort());
    const baseUrl = `http://127.0.0.1:${port}`;
    return {
      CODEX_AUTH_PORT: port,
      CODEX_AUTH_ISSUER_URL: baseUrl,
      CODEX_AUTH_UPSTREAMS: JSON.stringify(entries(issuerOf, baseUrl)),
      UPSTREAM_SECRET: 'secret of the client',
      CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '100000',
      ...overrides,
    };
  });
  beforeEach(() => {
    for (const provider of providers.values()) {
      provider.lies = {};
      provider.person = { sub: 'ann', email: 'ann@example.com', email_verified: true, name: 'Ann' };
      provider.accessTokenSeconds = 3600;
      provider.requests.length = 0;
      provider.authTimeSeconds = () => auth.clock.nowSeconds();
    }
  });
  return new UpstreamWorld(auth, providers);
}
