import { HttpError, type Logger } from '@codex-gateways/service';
import express, { type Express, type RequestHandler } from 'express';
import type { AccessTokenVerifier } from './authentication/access-token-verifier.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import type { ClientWatch } from './client-watch.ts';
import type { Config } from './config.ts';
import { InnerDoor, type InnerDoorDeps } from './turn-api/inner-door.ts';
import { openApiDocument } from './turn-api/openapi.ts';
import { postTurnsRoute } from './turn-api/post-turns-route.ts';
import { RunningTurns } from './turn-api/running-turns.ts';
import { TurnCallers } from './turn-api/turn-callers.ts';
import { TurnPlaces } from './turn-api/turn-places.ts';

export interface TurnApiDeps extends Omit<InnerDoorDeps, 'limits'> {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly accessTokens: AccessTokenVerifier | undefined;
  readonly watch: Pick<ClientWatch, 'keep'>;
  readonly log: Logger;
}

/** Turns without a WebSocket, and the document that describes them. */
export class TurnApi {
  readonly #door: InnerDoor;
  readonly #running = new RunningTurns();

  /** Puts its endpoints on the app; they work after `start`. */
  constructor(app: Express, { limits, turnApi }: Pick<Config, 'limits' | 'turnApi'>, deps: TurnApiDeps) {
    this.#door = new InnerDoor({ ...deps, limits });
    const document = openApiDocument();
    const callers = new TurnCallers({ ...deps, internalSecret: turnApi.internalSecret });
    const places = new TurnPlaces(turnApi.maxTurnsPerWorkspace);
    const jsonBody = express.json({ limit: turnApi.maxBodyBytes });
    app.get('/openapi.json', (_req, res) => {
      res.json(document);
    });
    const { watch, log } = deps;
    const maxUnsentBytes = limits.bufferCapBytes;
    const turns = { callers, jsonBody, places, running: this.#running, door: this.#door, watch, maxUnsentBytes, log };
    app.post('/api/turns', postTurnsRoute(turns));
    app.all('/api/turns', otherMethods('POST'));
    app.all('/openapi.json', otherMethods('GET, HEAD'));
  }

  async start(): Promise<void> {
    await this.#door.start();
  }

  /**
   * Interrupts the turns that are under way: an app-server that is somebody else's would go on with them. Settles when they are over, or the
   * time is.
   */
  async interruptTurns(why: string, timeoutMs: number): Promise<void> {
    await this.#running.interruptAll(why, timeoutMs);
  }

  async close(): Promise<void> {
    await this.#door.close();
  }
}

/** Refuses what comes past the routes of a path, with what it would take (RFC 9110 §15.5.6). */
function otherMethods(allowed: string): RequestHandler {
  return () => {
    const headers = { Allow: allowed };
    throw new HttpError(405, 'method_not_allowed', 'this method is not for this address', { headers });
  };
}
