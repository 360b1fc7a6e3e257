import { dialReplicaSocket } from '@codex-gateways/cluster';
import {
  currentRequestId,
  HttpError,
  type InternalAnswer,
  type InternalClient,
  type Logger,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import { z } from 'zod';
import type { ExecutorAccess } from '../turns/executor-access.ts';
import { noticeOf, REVOKED, type Refusal, UNREACHABLE } from './refusals.ts';

export interface RendezvousAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RendezvousDeps {
  readonly execGateway: Pick<InternalClient, 'request'>;
  /** http(s) base of the same. */
  readonly execGatewayUrl: string;
  readonly access: Pick<ExecutorAccess, 'exeId' | 'token' | 'revoked'>;
  readonly log: Logger;
  /** Called for each refusal, with what the person who waits for the executor should know. */
  readonly onRefused: (code: string, notice: string) => void;
}

/** One message of a bridge: an executor without encryption sends what it has in one piece. */
export const MAX_BRIDGE_MESSAGE_BYTES = 64 * 1024 * 1024;
const BRIDGE_TIMEOUT_MS = 10_000;
const refusalSchema = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(500) }) });

/** Brings one app-server and its executor together, as often as the app-server asks for it. */
export class Rendezvous {
  readonly #deps: RendezvousDeps;

  constructor(deps: RendezvousDeps) {
    this.#deps = deps;
  }

  get exeId(): string {
    return this.#deps.access.exeId;
  }

  /** @param body - of the app-server's call, which the exec-gateway judges */
  async connect(body: unknown): Promise<RendezvousAnswer> {
    const token = await this.#deps.access.token();
    if (token === undefined) return this.#refuse(REVOKED);
    const answer = await this.#ask(token, body);
    if (answer?.status === 200) return { status: 200, body: answer.body, headers: {} };
    if (answer?.status === 401) {
      this.#deps.access.revoked();
      return this.#refuse(REVOKED);
    }
    return this.#refuse(answer ? refusalOf(answer) : UNREACHABLE);
  }

  /**
   * Opens the bridge of an app-server that does not ask first.
   * @returns open and paused
   * @throws {HttpError} what the exec-gateway refuses it with
   */
  async bridge(signal: AbortSignal): Promise<FrameSocket> {
    const token = await this.#deps.access.token();
    if (token === undefined) throw this.#refusedBridge(REVOKED);
    const outcome = await dialReplicaSocket({
      internalUrl: this.#deps.execGatewayUrl,
      path: `/bridge/${encodeURIComponent(this.exeId)}?role=harness`,
      token,
      requestId: currentRequestId() ?? '-',
      maxPayloadBytes: MAX_BRIDGE_MESSAGE_BYTES,
      timeoutMs: BRIDGE_TIMEOUT_MS,
      signal,
    });
    if (outcome.kind === 'open') return outcome.ws;
    if (outcome.kind === 'refused' && outcome.status === 401) {
      this.#deps.access.revoked();
      throw this.#refusedBridge(REVOKED);
    }
    throw this.#refusedBridge(outcome.kind === 'refused' ? refusalOf(outcome) : UNREACHABLE);
  }

  #refusedBridge(refusal: Refusal): HttpError {
    const { status, body, headers } = this.#refuse(refusal);
    const { code, message } = (body as { error: Refusal }).error;
    return new HttpError(status, code, message, { headers });
  }

  async #ask(token: string, body: unknown): Promise<InternalAnswer | undefined> {
    try {
      return await this.#deps.execGateway.request({
        method: 'POST',
        path: `/cloud/environment/${encodeURIComponent(this.exeId)}/connect`,
        headers: { authorization: `Bearer ${token}` },
        body,
      });
    } catch (error) {
      if (error instanceof ServiceUnavailableError) return undefined;
      throw error;
    }
  }

  #refuse({ status, code, message }: Refusal): RendezvousAnswer {
    const { log, onRefused } = this.#deps;
    log.warn({ exe_id: this.exeId, status, code }, 'the app-server cannot reach its executor');
    onRefused(code, noticeOf({ status, code, message }, this.exeId));
    const headers: Record<string, string> = status === 503 ? { 'Retry-After': '2' } : {};
    return { status, body: { error: { code, message } }, headers };
  }
}

function refusalOf({ status, body }: Pick<InternalAnswer, 'status' | 'body'>): Refusal {
  const parsed = refusalSchema.safeParse(body);
  return parsed.success && status >= 400 ? { status, ...parsed.data.error } : UNREACHABLE;
}
