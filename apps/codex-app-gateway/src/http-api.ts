import { type Logger, otherMethods } from '@codex-gateways/service';
import express, { type Express, Router } from 'express';
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
    const { watch, log } = deps;
    const maxUnsentBytes = limits.bufferCapBytes;
    const turns = { callers, jsonBody, places, running: this.#running, door: this.#door, watch, maxUnsentBytes, log };
    const routes = Router()
      .get('/openapi.json', (_req, res) => {
        res.json(document);
      })
      .post('/api/turns', postTurnsRoute(turns));
    app.use(routes, otherMethods([routes]));
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
