import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constantTimeEqual } from '@codex-gateways/crypto';
import { hasSystemCode, TokenSourceError } from '../errors.ts';

const MAX_HEADER_BYTES = 16_384;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 20;

/** What the person reads in the browser. Fixed texts: nothing of the request is repeated. */
const PAGES = {
  signed_in: [200, 'Signed in', 'You are signed in. You can close this window.'],
  failed: [400, 'Sign-in failed', 'The sign-in failed. The program that asked for it says why.'],
  foreign: [400, 'Not this sign-in', 'This answer does not belong to the sign-in that is waiting here.'],
  used: [410, 'Already used', 'This sign-in has been completed already.'],
  not_found: [404, 'Not found', 'There is nothing here.'],
  not_allowed: [405, 'Not allowed', 'This address is only visited by a browser that comes back from signing in.'],
  wrong_host: [403, 'Refused', 'This address is not served under that name.'],
} as const;
type Page = keyof typeof PAGES;

export interface CallbackServerOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly path: string;
  /** Only an answer with this state is taken; others leave the login waiting. */
  readonly state: string;
}

/** The browser's return. */
export interface Callback {
  readonly url: URL;
  /** Shows the person how it ended. */
  readonly answer: (page: 'signed_in' | 'failed') => void;
}

/**
 * The loopback end of a browser login (RFC 8252 §7.3): one answer with the right state, once. Other programs and web pages may
 * reach this port: they get a page, and change nothing.
 */
export class CallbackServer {
  readonly #server: Server;
  readonly #options: CallbackServerOptions;
  #isUsed = false;
  #take: (callback: Callback) => void = () => undefined;
  /** Settles when the browser comes back; never by itself otherwise. */
  readonly callback: Promise<Callback>;

  private constructor(options: CallbackServerOptions) {
    this.#options = options;
    this.callback = new Promise((resolve) => {
      this.#take = resolve;
    });
    this.#server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => this.#serve(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens on 127.0.0.1 only. @throws {TokenSourceError} `callback_port_taken` */
  static async start(options: CallbackServerOptions): Promise<CallbackServer> {
    const server = new CallbackServer(options);
    await server.#listen();
    return server;
  }

  get redirectUri(): string {
    return `http://127.0.0.1:${this.#port}${this.#options.path}`;
  }

  /** Answers what is under way, then stops. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const impatience = setTimeout(() => this.#server.closeAllConnections(), 1_000);
    await closed;
    clearTimeout(impatience);
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #listen(): Promise<void> {
    const { port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const isTaken = hasSystemCode(cause, 'EADDRINUSE');
        const why = isTaken ? 'is used by another program' : `cannot be listened on (${cause.message})`;
        const message = `port ${port} ${why}: close it, or choose another callback port`;
        reject(new TokenSourceError('callback_port_taken', message, { cause }));
      });
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const page = this.#refuse(request);
    if (page) {
      send(response, page);
      return;
    }
    this.#isUsed = true;
    this.#take({ url: this.#urlOf(request), answer: (outcome) => send(response, outcome) });
  }

  /** @returns the page for a request that is not the browser's return from our own login */
  #refuse(request: IncomingMessage): Page | undefined {
    // A name that an attacker points at 127.0.0.1 (DNS rebinding) shows in Host.
    if (![`127.0.0.1:${this.#port}`, `localhost:${this.#port}`].includes(request.headers.host ?? ''))
      return 'wrong_host';
    const url = this.#urlOf(request);
    if (url.pathname !== this.#options.path) return 'not_found';
    if (request.method !== 'GET') return 'not_allowed';
    const [state, ...more] = url.searchParams.getAll('state');
    if (state === undefined || more.length > 0 || !constantTimeEqual(state, this.#options.state)) return 'foreign';
    return this.#isUsed ? 'used' : undefined;
  }

  #urlOf(request: IncomingMessage): URL {
    const origin = `http://127.0.0.1:${this.#port}`;
    const target = request.url ?? '/';
    return URL.canParse(target, origin) ? new URL(target, origin) : new URL(origin);
  }
}

function send(response: ServerResponse, page: Page): void {
  const [status, title, text] = PAGES[page];
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  });
  const head = `<meta charset="utf-8"><title>${title}</title>`;
  response.end(`<!doctype html><html lang="en"><head>${head}</head><body><p>${text}</p></body></html>\n`);
}
