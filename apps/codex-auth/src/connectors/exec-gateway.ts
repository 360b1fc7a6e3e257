import {
  type InternalAnswer,
  type InternalClient,
  type InternalRequest,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import { z } from 'zod';

/** An executor of a workspace as exec-gateway knows it. */
export interface BoundExecutor {
  readonly exeId: string;
  readonly name: string;
  readonly isDefault: boolean;
  readonly isOnline: boolean;
  /** RFC 3339; undefined before its first connection. */
  readonly lastSeenAt: string | undefined;
  readonly codexVersion: string | undefined;
  /** RFC 3339, since when two processes contend for its id; undefined while none do. */
  readonly duelSince: string | undefined;
}

/** The executor and the workspace of a binding. */
export interface BindingKey {
  readonly exeId: string;
  readonly workspaceId: string;
}

/** exec-gateway answered, but not that it did what it was asked. */
export class ExecGatewayRefusal extends Error {
  override readonly name = 'ExecGatewayRefusal';
}

const registeredSchema = z.object({ exe_id: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/) });

const executorSchema = z.object({
  exe_id: z.string(),
  name: z.string(),
  is_default: z.boolean(),
  is_online: z.boolean(),
  last_seen_at: z.string().nullish(),
  codex_version: z.string().nullish(),
  duel: z.object({ since: z.string() }).nullish(),
});

/**
 * What codex-auth asks of codex-exec-gateway. Every method throws `ServiceUnavailableError` when there is no answer, after
 * which nobody knows whether it was done, and `ExecGatewayRefusal` when it was not.
 */
export class ExecGateway {
  readonly #client: InternalClient;

  /** @param client - sends the secret that services share */
  constructor({ client }: { client: InternalClient }) {
    this.#client = client;
  }

  /**
   * Makes an executor.
   * @param exeId - the id that we would like, so that an executor whose making got lost can be named
   * @returns its id, whether that one or another
   */
  async register({
    exeId,
    userId,
    displayName,
  }: {
    exeId: string;
    userId: string;
    displayName: string;
  }): Promise<string> {
    const answer = await this.#ask('make an executor', {
      method: 'POST',
      path: '/api/codex-exec/register',
      headers: { 'x-user-id': userId },
      body: { exe_id: exeId, display_name: displayName },
    });
    return understood(registeredSchema, answer).exe_id;
  }

  async bind(
    { exeId, workspaceId }: BindingKey,
    binding: { userId: string; name: string; description: string; isDefault: boolean },
  ): Promise<void> {
    await this.#ask('bind an executor', {
      method: 'POST',
      path: bindingsPath(workspaceId),
      headers: { 'x-user-id': binding.userId },
      body: { exe_id: exeId, name: binding.name, description: binding.description, is_default: binding.isDefault },
    });
  }

  async list(workspaceId: string): Promise<BoundExecutor[]> {
    const answer = await this.#ask('list executors', { method: 'GET', path: bindingsPath(workspaceId) });
    return understood(z.array(executorSchema), answer).map((executor) => ({
      exeId: executor.exe_id,
      name: executor.name,
      isDefault: executor.is_default,
      isOnline: executor.is_online,
      lastSeenAt: executor.last_seen_at ?? undefined,
      codexVersion: executor.codex_version ?? undefined,
      duelSince: executor.duel?.since,
    }));
  }

  /** Unbinds and deletes an executor; one that is not there is fine. */
  async remove({ exeId, workspaceId, userId }: BindingKey & { userId: string }): Promise<void> {
    const headers = { 'x-user-id': userId };
    const executor = encodeURIComponent(exeId);
    const gone = [404];
    await this.#ask(
      'unbind an executor',
      { method: 'DELETE', path: `${bindingsPath(workspaceId)}/${executor}`, headers },
      gone,
    );
    await this.#ask(
      'delete an executor',
      { method: 'DELETE', path: `/api/codex-exec/executors/${executor}`, headers },
      gone,
    );
  }

  /** Cuts off every executor of a user, also those that nobody added as a connector. */
  async disconnectUser(userId: string): Promise<void> {
    const path = `/api/codex-exec/users/${encodeURIComponent(userId)}/disconnect`;
    await this.#ask('disconnect a user', { method: 'POST', path });
  }

  async #ask(what: string, request: InternalRequest, alsoFine: readonly number[] = []): Promise<InternalAnswer> {
    const answer = await this.#client.request(request);
    if ((answer.status >= 200 && answer.status <= 299) || alsoFine.includes(answer.status)) return answer;
    throw new ExecGatewayRefusal(`exec-gateway answered ${answer.status} when asked to ${what}`);
  }
}

function bindingsPath(workspaceId: string): string {
  return `/api/codex-exec/workspaces/${encodeURIComponent(workspaceId)}/executors`;
}

function understood<Schema extends z.ZodType>(schema: Schema, answer: InternalAnswer): z.infer<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return parsed.data;
  throw new ServiceUnavailableError('exec-gateway answered in a form that is not understood', { cause: parsed.error });
}
