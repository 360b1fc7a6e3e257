import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
import { StartError } from '@codex-gateways/runtime';
import type { Express } from 'express';
import { createBareApp } from './bare-app.ts';
import { createReadiness, healthRoute, type Readiness, type ReadinessCheck, readyRoute } from './health.ts';
import type { Logger } from './logger.ts';
import { type Metrics, metricsRoute } from './metrics.ts';
import type { Tracing } from './tracing/tracing.ts';

/** The address could not be listened on; the message names it. */
export class ListenError extends StartError {
  override readonly name = 'ListenError';
}

/**
 * Connections that the kernel holds until they are accepted; it takes its own limit (`net.core.somaxconn`) when that is lower. When a replica is
 * lost, all its executors dial another one in the same second, and Node.js's 511 leaves some of them hanging.
 */
const BACKLOG = 4096;
const CLOSE_IDLE_EVERY_MS = 50;
/** Connections that come faster than they are accepted do not keep a server from closing. */
const ACCEPT_MS = 1000;

export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A listening HTTP server with an orderly end. */
export interface HttpServer {
  readonly port: number;
  /** `http://host:port`, for logs and tests. */
  readonly url: string;
  /**
   * Answers what has arrived, also on connections that wait to be accepted, stops accepting, lets running requests end, and after
   * `timeoutMs` cuts what is left; with 0 it cuts everything at once.
   */
  close(timeoutMs: number): Promise<void>;
}

/** An Express app with what every service's app has: ids and logs of requests, safe headers, health and metrics. */
export function createApp({
  log,
  metrics,
  checks,
  tracing,
}: {
  log: Logger;
  metrics: Metrics;
  checks: Readonly<Record<string, ReadinessCheck>>;
  tracing?: Tracing;
}): { app: Express; readiness: Readiness } {
  const readiness = createReadiness(checks);
  const app = createBareApp({ log, metrics, tracing });
  app.get('/healthz', healthRoute());
  app.get('/readyz', readyRoute(readiness));
  app.get('/metrics', metricsRoute(metrics.registry));
  return { app, readiness };
}

/** @throws {ListenError} when the port is taken or may not be used */
export async function listen(
  handler: RequestListener,
  {
    host,
    port,
    onUpgrade,
    requestTimeoutMs = 30_000,
  }: { host: string; port: number; onUpgrade?: UpgradeListener; requestTimeoutMs?: number },
): Promise<HttpServer> {
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: 15_000, keepAliveTimeout: 15_000 },
    handler,
  );
  if (onUpgrade) server.on('upgrade', onUpgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : (cause.code ?? cause.message);
      reject(new ListenError(`cannot listen on ${host}:${port}: ${why}`, { cause }));
    });
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const address = server.address() as AddressInfo;
  const hostInUrl = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    port: address.port,
    url: `http://${hostInUrl}:${address.port}`,
    close: (timeoutMs) => closeServer(server, timeoutMs),
  };
}

async function closeServer(server: Server, timeoutMs: number): Promise<void> {
  if (!server.listening) return;
  server.prependListener('request', (_req, res) => {
    res.shouldKeepAlive = false;
  });
  await takeWhatArrived(server, Math.min(timeoutMs, ACCEPT_MS));
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose request was under way is idle only later, and its client would keep it open for the next one.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
}

/**
 * Waits until no connection waits to be accepted. The kernel resets those that were not accepted when their server stops listening, and
 * after a busy moment there are many; connections that look idle may also have their next request waiting.
 */
async function takeWhatArrived(server: Server, timeoutMs: number): Promise<void> {
  const endAtMs = performance.now() + timeoutMs;
  let quietTurns = 0;
  const onConnection = () => {
    quietTurns = 0;
  };
  server.on('connection', onConnection);
  // A turn of the event loop accepts one connection; the first one ends before it looks at sockets.
  while (quietTurns < 2 && performance.now() < endAtMs) {
    quietTurns += 1;
    await immediate();
  }
  server.off('connection', onConnection);
}
