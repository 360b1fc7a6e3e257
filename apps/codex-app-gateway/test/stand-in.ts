import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request as it came. */
export interface StandInRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** What to answer: a status and JSON, or whatever a test does with the response itself. */
export type StandInAnswer = { status: number; body?: unknown } | ((req: IncomingMessage, res: ServerResponse) => void);

/** A small real HTTP server in the place of another service, which answers as a test tells it to. */
export interface StandIn {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly StandInRequest[];
  /** Decides about each request; replace it at any time. */
  answer: (request: StandInRequest) => StandInAnswer;
  close(): Promise<void>;
}

/** Starts a stand-in on 127.0.0.1, at a port of its own or the one that is given. */
export async function startStandIn(answer: StandIn['answer'], port = 0): Promise<StandIn> {
  const requests: StandInRequest[] = [];
  const server = createServer(async (req, res) => {
    const content = await text(req);
    const request = {
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      body: content === '' ? undefined : JSON.parse(content),
    };
    requests.push(request);
    const given = standIn.answer(request);
    if (typeof given === 'function') return given(req, res);
    res.writeHead(given.status, { 'content-type': 'application/json' });
    res.end(given.body === undefined ? undefined : JSON.stringify(given.body));
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: actualPort } = server.address() as AddressInfo;
  const standIn: StandIn = {
    url: `http://127.0.0.1:${actualPort}`,
    port: actualPort,
    requests,
    answer,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return standIn;
}
