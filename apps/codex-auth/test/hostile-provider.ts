import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type IdTokenLies, lyingIdToken, publishedJwk } from '@codex-gateways/testing/id-token';

/** What a provider says that is not so. */
export interface Lies extends IdTokenLies {
  readonly metadata?: Record<string, unknown>;
  /** In place of the parameters that the browser brings back; undefined leaves one out. */
  readonly callback?: Record<string, string | undefined>;
  /** In place of members of the token answer. */
  readonly token?: Record<string, unknown>;
  readonly userinfo?: Record<string, unknown>;
  /** Answers a request itself, when it says true. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

const HONEST = { email: 'ann@example.com', email_verified: true, name: 'Ann' };

/** An identity provider on a real socket that signs what it is told. It asks nobody: whoever comes is sent back at once. */
export class HostileProvider {
  readonly #server: Server;
  readonly #asked = new Map<string, { nonce: string; maxAge: string | null }>();
  #count = 0;
  lies: Lies = {};
  /** Whoever comes. */
  person: Record<string, unknown> = { sub: 'ann', ...HONEST };
  accessTokenSeconds: number | undefined = 3600;
  /** When people sign in here, where the time was asked for. */
  authTimeSeconds: () => number = () => Math.floor(Date.now() / 1000);
  /** Of every request, the path and, of a form, its fields. */
  readonly requests: { readonly path: string; readonly form: URLSearchParams; readonly authorization: string }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<HostileProvider> {
    const provider = new HostileProvider();
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Of the requests with this grant type. */
  grants(grantType: string): readonly URLSearchParams[] {
    return this.requests.map(({ form }) => form).filter((form) => form.get('grant_type') === grantType);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    this.requests.push({ path: url.pathname, form, authorization: request.headers.authorization ?? '' });
    if (this.lies.answer?.(request, response)) return;
    const json = (body: object) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') json(this.#metadata());
    else if (url.pathname === '/jwks') json({ keys: [publishedJwk()] });
    else if (url.pathname === '/authorize') this.#sendBack(url, response);
    else if (url.pathname === '/userinfo') json({ ...this.person, ...this.lies.userinfo });
    else if (url.pathname === '/token') json(this.#tokens(form));
    else response.writeHead(404).end();
  }

  #metadata() {
    const { issuer } = this;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
      ...this.lies.metadata,
    };
  }

  #sendBack(url: URL, response: ServerResponse): void {
    const code = `code-${++this.#count}`;
    const { searchParams } = url;
    this.#asked.set(code, { nonce: searchParams.get('nonce') ?? '', maxAge: searchParams.get('max_age') });
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    const state = url.searchParams.get('state') ?? '';
    for (const [name, value] of Object.entries({ code, state, iss: this.issuer, ...this.lies.callback })) {
      if (value !== undefined) back.searchParams.set(name, value);
    }
    response.writeHead(302, { Location: back.href }).end();
  }

  #tokens(form: URLSearchParams): object {
    const number = ++this.#count;
    const isOpenId = form.get('grant_type') === 'authorization_code';
    return {
      access_token: `access-${number}`,
      token_type: 'Bearer',
      expires_in: this.accessTokenSeconds,
      refresh_token: `refresh-${number}`,
      ...(isOpenId ? { id_token: this.#idToken(form.get('code') ?? '') } : {}),
      ...this.lies.token,
    };
  }

  #idToken(code: string): string {
    const { nonce = '', maxAge = null } = this.#asked.get(code) ?? {};
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: this.issuer, aud: 'codex', nonce, iat: nowSeconds, exp: nowSeconds + 300 },
      ...(maxAge === null ? {} : { auth_time: this.authTimeSeconds() }),
      ...this.person,
    };
    return lyingIdToken(claims, this.lies);
  }
}
