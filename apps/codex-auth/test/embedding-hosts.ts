import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createLogger } from '@codex-gateways/service';
import { freePort, useTestDatabase } from '@codex-gateways/testing';
import express from 'express';
import { type AuthorizationServer, createAuthorizationServer } from '../src/authorization-server.ts';
import type { AuthorizationServerConfig } from '../src/embedding-config.ts';
import { FIRST_USER, MASTER_KEY } from './use-auth-service.ts';

/** Builds a program that has answers of its own beside those of the embedded authorization server. */
export type BuildHost = (server: AuthorizationServer) => RequestListener;

const METADATA_OF_THE_HOST = JSON.stringify({ resource: 'of the host' });

export const expressHost: BuildHost = (server) => {
  const app = express();
  app.get('/hello', (_req, res) => void res.send('of the host'));
  app.get('/.well-known/oauth-protected-resource', (_req, res) => void res.type('json').send(METADATA_OF_THE_HOST));
  server.registerHandlers(app);
  app.use(express.json());
  app.use((_req, res) => void res.status(404).send('the host knows nothing of it'));
  return app;
};

/** Finds the handler as a prefix multiplexer does: by the path itself, or by the longest one that ends in a slash. */
export const bareHost: BuildHost = (server) => {
  const routes = server.routes();
  const prefixes = [...routes.keys()].filter((path) => path.endsWith('/')).sort((a, b) => b.length - a.length);
  return (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://host');
    const prefix = prefixes.find((path) => pathname.startsWith(path));
    const handler = routes.get(pathname) ?? (prefix === undefined ? undefined : routes.get(prefix));
    if (handler) handler(req, res);
    else if (pathname === '/hello') res.end('of the host');
    else if (pathname === '/.well-known/oauth-protected-resource') res.end(METADATA_OF_THE_HOST);
    else res.writeHead(404).end('the host knows nothing of it');
  };
};

export interface EmbeddingHost {
  /** Base URL; the issuer is it, with `issuerPath`. */
  readonly url: string;
  readonly authorizationServer: AuthorizationServer;
}

/**
 * Registers hooks that run a host with an embedded authorization server while the tests of a `describe` run.
 * @param settings - given the issuer
 */
export function useEmbeddingHost(
  build: BuildHost,
  {
    issuerPath = '',
    settings = () => ({}),
  }: { issuerPath?: string; settings?: (issuer: string) => Partial<AuthorizationServerConfig> } = {},
): EmbeddingHost {
  const database = useTestDatabase();
  let running: { url: string; authorizationServer: AuthorizationServer; server: Server } | undefined;
  beforeAll(async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const issuer = url + issuerPath;
    const log = createLogger({ service: 'test', level: 'silent' });
    const authorizationServer = createAuthorizationServer(
      {
        ...{ issuer, databaseUrl: database.url, masterKey: MASTER_KEY, firstUser: FIRST_USER },
        ...settings(issuer),
      },
      { log },
    );
    const server = createServer(build(authorizationServer)).listen(port, '127.0.0.1');
    await once(server, 'listening');
    running = { url, authorizationServer, server };
  });
  afterAll(async () => {
    running?.server.closeAllConnections();
    running?.server.close();
    await running?.authorizationServer.close();
  });
  const started = () => {
    if (!running) throw new TypeError('the host runs only while the tests run');
    return running;
  };
  return {
    get url() {
      return started().url;
    },
    get authorizationServer() {
      return started().authorizationServer;
    },
  };
}
