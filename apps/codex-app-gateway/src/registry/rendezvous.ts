import { dialReplicaSocket } from '@codex-gateways/cluster';
import {
  currentRequestId,
  HttpError,
  type InternalAnswer,
  type InternalClient,
  type Logger,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import type { FrameSocket, SocketMemory } from '@codex-gateways/websocket';
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
  readonly access: Pick<ExecutorAccess, 'exeId' | 'grant' | 'revoked'>;
  readonly log: Logger;
  /** Called for each refusal, with what the person who waits for the executor should know. */
  readonly onRefused: (code: string, notice: string) => void;
}

/** One message of a bridge: an executor without encryption sends what it has in one piece. */
export const MAX_BRIDGE_MESSAGE_BYTES = 64 * 1024 * 1024;
const BRIDGE_TIMEOUT_MS = 10_000;
/** Of one call, when access was revoked under it and given anew meanwhile. */
const MAX_TRIES = 2;
const NO_ACCESS = Symbol('no access');
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
    const answer = await this.#withToken(async (token) => {
      const given = await this.#ask(token, body);
      return given?.status === 401 ? NO_ACCESS : given;
    });
    if (answer === NO_ACCESS) return this.#refuse(REVOKED);
    if (answer?.status === 200) return { status: 200, body: answer.body, headers: {} };
    return this.#refuse(answer ? refusalOf(answer) : UNREACHABLE);
  }

  /**
   * Opens the bridge of an app-server that does not ask first.
   * @returns open and paused
   * @throws {HttpError} what the exec-gateway refuses it with
   */
  async bridge(signal: AbortSignal, memory: SocketMemory): Promise<FrameSocket> {
    const outcome = await this.#withToken(async (token) => {
      const dialled = await dialReplicaSocket({
        internalUrl: this.#deps.execGatewayUrl,
        path: `/bridge/${encodeURIComponent(this.exeId)}?role=harness`,
        token,
        requestId: currentRequestId() ?? '-',
        maxPayloadBytes: MAX_BRIDGE_MESSAGE_BYTES,
        memory,
        timeoutMs: BRIDGE_TIMEOUT_MS,
        signal,
      });
      return dialled.kind === 'refused' && dialled.status === 401 ? NO_ACCESS : dialled;
    });
    if (outcome === NO_ACCESS) throw this.#refusedBridge(REVOKED);
    if (outcome.kind === 'open') return outcome.ws;
    throw this.#refusedBridge(outcome.kind === 'refused' ? refusalOf(outcome) : UNREACHABLE);
  }

  /** @param use - says `NO_ACCESS` when the exec-gateway does not take the token: it refuses those of revoked turns */
  async #withToken<Answer>(
    use: (token: string) => Promise<Answer | typeof NO_ACCESS>,
  ): Promise<Answer | typeof NO_ACCESS> {
    const { access } = this.#deps;
    for (let tries = 1; ; tries += 1) {
      const grant = await access.grant();
      if (!grant) return NO_ACCESS;
      const answer = await use(grant.token);
      if (answer !== NO_ACCESS) return answer;
      const isGivenAnew = access.revoked(grant);
      if (!isGivenAnew || tries === MAX_TRIES) return NO_ACCESS;
    }
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
