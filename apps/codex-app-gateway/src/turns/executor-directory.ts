import { type InternalClient, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';

const executorSchema = z.object({
  exe_id: z.string().min(1).max(128),
  name: z.string().max(256),
  is_default: z.boolean(),
  // A directory that lists connected executors only says nothing of it.
  is_online: z.boolean().default(true),
});
const directorySchema = z.array(executorSchema).max(10_000);

/** An executor that is bound to the workspace. */
export interface BoundExecutor {
  readonly exeId: string;
  readonly name: string;
  readonly isDefault: boolean;
  readonly isOnline: boolean;
}

/**
 * The executors that are bound to a workspace, from the exec-gateway; those that are not connected too.
 * @throws {ServiceUnavailableError} for anything but a usable answer
 */
export async function boundExecutors(
  execGateway: Pick<InternalClient, 'request'>,
  workspaceId: string,
): Promise<readonly BoundExecutor[]> {
  const query = new URLSearchParams({ workspace_id: workspaceId, include_offline: 'true' });
  const answer = await execGateway.request({ method: 'GET', path: `/api/exec-gateway/connected?${query}` });
  const directory = answer.status === 200 ? directorySchema.safeParse(listOf(answer.body)) : undefined;
  if (!directory?.success) {
    throw new ServiceUnavailableError(`the exec-gateway answered ${answer.status} with no list of executors`);
  }
  return directory.data.map((executor) => ({
    exeId: executor.exe_id,
    name: executor.name,
    isDefault: executor.is_default,
    isOnline: executor.is_online,
  }));
}

function listOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'executors' in body ? body.executors : body;
}
