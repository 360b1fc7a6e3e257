import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type IdTokenLies, lyingIdToken, publishedJwk } from '@codex-gateways/testing/id-token';

/** What the rogue may bend: its ID tokens, its metadata, the callback's parameters. */
export interface Lies extends IdTokenLies {
  metadata?: Record<string, unknown>;
  callback?: Record<string, string>;
  /** Answers a request itself; undefined lets the provider answer. */
  answer?: (request: IncomingMessage, response: ServerResponse) => true | undefined;
}

/** An OpenID provider that answers as a test wants it to lie. Its authorization endpoint sends the browser straight back. */
export class RogueProvider {
  readonly #server: Server;
  #nonce = '';
  lies: Lies = {};
  /** Of every request that came, the path. */
  readonly paths: string[] = [];

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<RogueProvider> {
    const provider = new RogueProvider();
    provider.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => provider.#server.once('listening', resolve));
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.issuer);
    this.paths.push(url.pathname);
    if (this.lies.answer?.(request, response)) return;
    const json = (body: object) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') json(this.#metadata());
    else if (url.pathname === '/jwks') json({ keys: [publishedJwk()] });
    else if (url.pathname === '/authorize') this.#sendBack(url, response);
    else
      json({
        access_token: 'rogue-access',
        token_type: 'Bearer',
        expires_in: 3600,
        id_token: this.#idToken(),
        refresh_token: 'rogue-refresh',
      });
  }

  #metadata() {
    const { issuer } = this;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
      ...this.lies.metadata,
    };
  }

  #sendBack(url: URL, response: ServerResponse): void {
    this.#nonce = url.searchParams.get('nonce') ?? '';
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    const state = url.searchParams.get('state') ?? '';
    const answer = { code: 'rogue-code', state, iss: this.issuer, ...this.lies.callback };
    for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
    response.writeHead(302, { Location: back.href }).end();
  }

  #idToken(): string {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, sub: 'ann', aud: 'script', nonce: this.#nonce };
    return lyingIdToken({ ...claims, iat: nowSeconds, exp: nowSeconds + 300 }, this.lies);
  }
}
