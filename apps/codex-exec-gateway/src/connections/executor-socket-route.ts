import type { Upgrade } from '../web-sockets.ts';
import { admitExecutor, type ExecutorAdmissionServices } from './admit-executor.ts';
import type { ExecutorSockets } from './executor-sockets.ts';

/** ws `/codex-exec/{exe_id}?token=<ticket>`: an executor's connection. The ticket is all that it shows. */
export function executorSocketRoute(
  services: ExecutorAdmissionServices & { executorSockets: Pick<ExecutorSockets, 'open'> },
): (upgrade: Upgrade) => Promise<void> {
  return async (upgrade) => {
    const tickets = upgrade.query.getAll('token');
    const ticket = tickets.length === 1 ? tickets[0] : undefined;
    const executor = await admitExecutor({ exeId: upgrade.exeId, ticket }, services);
    await services.executorSockets.open(executor, upgrade);
  };
}
