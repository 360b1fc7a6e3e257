import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useCleanup } from '@codex-gateways/testing';

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What it answers with: JSON, or whatever is written. */
export type UpstreamAnswerer = (request: UpstreamRequest, res: ServerResponse) => unknown;

/** An upstream authorization server that says what a test has it say, over real HTTP on loopback. */
export interface LyingUpstream {
  readonly issuer: string;
  readonly requests: UpstreamRequest[];
  /** Of this method and path; anything else is 404. */
  on(route: `${'GET' | 'POST'} /${string}`, answer: UpstreamAnswerer): void;
  /** Forgets its answers and the requests. */
  reset(): void;
  close(): Promise<void>;
}

/** Registers hooks that run one while the tests of a file run; it forgets between them. */
export function useLyingUpstream(): () => LyingUpstream {
  const cleanup = useCleanup();
  let upstream: LyingUpstream;
  beforeAll(async () => {
    upstream = await startLyingUpstream();
    cleanup.after(() => upstream.close());
  });
  beforeEach(() => upstream.reset());
  return () => upstream;
}

/** Metadata with everything. */
export function metadataOf({ issuer }: LyingUpstream, overrides: Record<string, unknown> = {}) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/me`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
    code_challenge_methods_supported: ['plain', 'S256'],
    ...overrides,
  };
}

/** Has it register whoever comes, with what it was asked for. */
export function registersClients(
  upstream: LyingUpstream,
  answer: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): void {
  upstream.on('GET /.well-known/openid-configuration', () => metadataOf(upstream, metadata));
  upstream.on('POST /register', ({ body }) => ({
    ...JSON.parse(body),
    client_id: 'registered',
    client_secret: 'hunter2-secret',
    client_secret_expires_at: 0,
    ...answer,
  }));
}

async function startLyingUpstream(): Promise<LyingUpstream> {
  const answers = new Map<string, UpstreamAnswerer>();
  const requests: UpstreamRequest[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = req;
    const request = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
    requests.push(request);
    const answer = answers.get(`${method} ${path}`);
    if (!answer) return void res.writeHead(404).end();
    const json = await answer(request, res);
    if (json !== undefined && !res.headersSent) {
      res.writeHead(method === 'POST' ? 201 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    on: (route, answer) => void answers.set(route, answer),
    reset() {
      answers.clear();
      requests.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
