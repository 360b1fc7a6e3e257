import { constantTimeEqual, randomToken } from '@codex-gateways/crypto';
import {
  bearerOf,
  errorMiddleware,
  HttpError,
  type HttpServer,
  type Logger,
  listen,
  notFound,
  objectErrorForm,
} from '@codex-gateways/service';
import { type FrameSocket, SocketMemory } from '@codex-gateways/websocket';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { legacyBridge } from './legacy-bridge.ts';
import type { Rendezvous } from './rendezvous.ts';

/** A key of a Noise harness has some two kilobytes. */
const BODY_BYTES = 64 * 1024;
const CLOSE_MS = 500;

/** One app-server's entrance to its executor. */
export interface RegistryEntrance {
  /** Base address, as the app-server gets it. */
  readonly url: string;
  /** What the app-server shows there, good as long as the entrance is open. */
  readonly token: string;
  /** For an app-server without encryption: the whole address of its bridge. */
  readonly bridgeUrl: string;
  close(): void;
}

/**
 * The registry that app-servers of this gateway ask for their executors: on loopback, with an entrance for each that leads to its
 * own executor only. It asks the exec-gateway in their place, each time with a token of its own, so an app-server outlives the
 * capability token that it was started with, and what the exec-gateway refuses is known here. See docs/protocol.md, "Harness: how an app-server reaches its executor".
 */
export class Registry {
  readonly #entrances = new Map<string, { token: string; rendezvous: Rendezvous }>();
  readonly #bridges = new Set<FrameSocket>();
  readonly #memory = new SocketMemory();
  readonly #log: Logger;
  #server: HttpServer | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#server = await listen(this.#app(), {
      host: '127.0.0.1',
      port: 0,
      onUpgrade: legacyBridge((id, token) => this.#enter(id, token), {
        open: this.#bridges,
        memory: this.#memory,
        log: this.#log,
      }),
    });
  }

  /** @param token - what the app-server shall show; nobody can guess it */
  open(rendezvous: Rendezvous, token: string): RegistryEntrance {
    if (!this.#server) throw new TypeError('the registry has not been started');
    const id = randomToken();
    this.#entrances.set(id, { token, rendezvous });
    const url = `${this.#server.url}/${id}`;
    const bridgeUrl = `${url.replace('http', 'ws')}/bridge?role=harness&token=${encodeURIComponent(token)}`;
    return { url, token, bridgeUrl, close: () => this.#entrances.delete(id) };
  }

  async close(): Promise<void> {
    this.#entrances.clear();
    for (const bridge of this.#bridges) bridge.terminate();
    await this.#server?.close(CLOSE_MS);
  }

  #app(): Express {
    const app = express().disable('x-powered-by');
    const jsonBody = express.json({ limit: BODY_BYTES, type: () => true });
    app.post('/:entrance/cloud/environment/:exe_id/connect', this.#admit(), jsonBody, async (req, res) => {
      const { status, body, headers } = await this.#rendezvousOf(req).connect(req.body);
      res.status(status).set(headers).set('Cache-Control', 'no-store').json(body);
    });
    app.use(notFound(), errorMiddleware({ form: objectErrorForm, log: this.#log }));
    return app;
  }

  /** Before the body is read. One answer to everybody who may not enter. */
  #admit(): RequestHandler {
    return (req, _res, next) => {
      this.#rendezvousOf(req);
      next();
    };
  }

  #rendezvousOf({ params, headers }: Request): Rendezvous {
    const rendezvous = this.#enter(String(params.entrance), bearerOf(headers.authorization));
    if (rendezvous.exeId !== params.exe_id) throw nothingHere();
    return rendezvous;
  }

  #enter(id = '', shown: string | undefined): Rendezvous {
    const entrance = this.#entrances.get(id);
    const mayEnter = entrance && shown !== undefined && constantTimeEqual(shown, entrance.token);
    if (!mayEnter) throw nothingHere();
    return entrance.rendezvous;
  }
}

function nothingHere(): HttpError {
  return new HttpError(404, 'not_found', 'there is nothing at this path');
}
