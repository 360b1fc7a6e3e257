import { dialReplica } from '@codex-gateways/cluster';
import { randomToken } from '@codex-gateways/crypto';
import { bearerOf, HttpError, type HttpServer, listen } from '@codex-gateways/service';
import express from 'express';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Caller } from '../authentication/authenticator.ts';
import type { ConnectionRegistry } from '../proxy/connection-registry.ts';
import type { Reach } from '../proxy/reach-app-server.ts';
import { createUpgradeListener, type UpgradeListenerDeps } from '../proxy/upgrade-listener.ts';
import { unavailable } from '../proxy/upgrade-refusal.ts';
import { checkUpgradeRequest } from '../proxy/upgrade-request.ts';

export interface InnerDoorDeps extends UpgradeListenerDeps {
  readonly reach: Reach;
  readonly connections: ConnectionRegistry;
}

const CLOSE_MS = 500;
const refusalSchema = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(1000) }) });

/**
 * Lets this service itself in as a client, on a loopback port, with tickets that it makes: so what it does on somebody's behalf goes
 * the same way as what they do themselves, with the same guard, limits and replicas.
 */
export class InnerDoor {
  readonly #deps: InnerDoorDeps;
  readonly #tickets = new Map<string, Caller>();
  #server: HttpServer | undefined;

  constructor(deps: InnerDoorDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const onUpgrade = createUpgradeListener(this.#deps, {
      check: (req) => checkUpgradeRequest(req, { paths: new Set(['/']), allowedOrigins: [] }),
      prepare: async (upgrade) => {
        const caller = this.#redeem(bearerOf(upgrade.req.headers.authorization));
        const giveBack = this.#deps.connections.reserve(caller.workspaceId);
        upgrade.attempt.onFailure(giveBack);
        const join = await this.#deps.reach(caller, upgrade);
        return (client) => this.#deps.connections.add(join(client), giveBack);
      },
    });
    this.#server = await listen(express().disable('x-powered-by'), { host: '127.0.0.1', port: 0, onUpgrade });
  }

  /**
   * A connection to the app-server of the caller's workspace, open and paused.
   * @throws {HttpError} what a client would be refused with
   */
  async enter(caller: Caller, { requestId, signal }: { requestId: string; signal: AbortSignal }): Promise<WebSocket> {
    const { maxFrameBytes, upgradeTimeoutMs } = this.#deps.limits;
    const ticket = randomToken();
    this.#tickets.set(ticket, caller);
    const outcome = await dialReplica({
      internalUrl: this.#server?.url ?? '',
      path: '/',
      token: ticket,
      requestId,
      maxPayloadBytes: maxFrameBytes,
      timeoutMs: upgradeTimeoutMs + CLOSE_MS,
      signal,
    });
    this.#tickets.delete(ticket);
    if (outcome.kind === 'open') return outcome.ws;
    if (outcome.kind === 'unreachable') throw unavailable('unavailable', 'the app-server could not be reached');
    const parsed = refusalSchema.safeParse(outcome.body);
    const { code, message } = parsed.success ? parsed.data.error : { code: 'unavailable', message: 'refused' };
    const headers: Record<string, string> = [429, 503].includes(outcome.status) ? { 'Retry-After': '5' } : {};
    throw new HttpError(outcome.status, code, message, { headers });
  }

  async close(): Promise<void> {
    await this.#server?.close(CLOSE_MS);
  }

  #redeem(ticket = ''): Caller {
    const caller = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (!caller) throw new HttpError(401, 'unauthorized', 'this door is for the gateway itself');
    return caller;
  }
}
