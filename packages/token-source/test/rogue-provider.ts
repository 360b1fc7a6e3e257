import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the rogue may bend: claims and header of its ID tokens, the key that signs them, the callback's parameters. */
export interface Lies {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Makes the third part of the token; RS256 with the published key otherwise. */
  signature?: (signingInput: string, publishedKey: KeyObject) => string;
  metadata?: Record<string, unknown>;
  callback?: Record<string, string>;
  /** Answers a request itself; undefined lets the provider answer. */
  answer?: (request: IncomingMessage, response: ServerResponse) => true | undefined;
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** A key that the provider does not publish. */
export const signWithAnotherKey = (signingInput: string): string =>
  sign('sha256', Buffer.from(signingInput), otherKey).toString('base64url');

/** The classic: the public key, which everybody has, taken for an HMAC secret. */
export const signWithPublicKeyAsSecret = (signingInput: string, publishedKey: KeyObject): string =>
  createHmac('sha256', publishedKey.export({ type: 'spki', format: 'pem' }))
    .update(signingInput)
    .digest('base64url');

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

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
    else if (url.pathname === '/jwks') json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] });
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
    const header = { alg: 'RS256', kid: 'k', ...this.lies.header };
    const claims = {
      iss: this.issuer,
      sub: 'ann',
      aud: 'script',
      nonce: this.#nonce,
      iat: nowSeconds,
      exp: nowSeconds + 300,
      ...this.lies.claims,
    };
    const signingInput = `${encode(header)}.${encode(claims)}`;
    const honest = () => sign('sha256', Buffer.from(signingInput), privateKey).toString('base64url');
    return `${signingInput}.${this.lies.signature?.(signingInput, publicKey) ?? honest()}`;
  }
}
