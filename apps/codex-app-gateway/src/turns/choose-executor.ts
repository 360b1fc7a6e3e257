import type { BoundExecutor } from './executor-directory.ts';

/**
 * The executor that a workspace's app-server gets, for its whole life: the default one, also while it is offline, since the
 * app-server looks for it only when it is needed, and another machine must not step in for the one that was chosen. Without a
 * default: the only connected one, else the first by name, connected ones first. Undefined without any executor.
 */
export function chooseExecutor(executors: readonly BoundExecutor[]): BoundExecutor | undefined {
  const online = executors.filter((executor) => executor.isOnline);
  return executors.find((executor) => executor.isDefault) ?? byName(online) ?? byName(executors);
}

/**
 * Whether a workspace's app-server must give way to one with another executor although it has clients: its executor is bound no
 * more, or another one is the default now, or there is one at last. That others come and go is no reason.
 * @param exeId - the executor that it has; undefined for none
 */
export function mustMove(executors: readonly BoundExecutor[], exeId: string | undefined): boolean {
  if (!executors.some((executor) => executor.exeId === exeId)) return exeId !== undefined || executors.length > 0;
  return executors.some((executor) => executor.isDefault && executor.exeId !== exeId);
}

function byName(executors: readonly BoundExecutor[]): BoundExecutor | undefined {
  const order = (left: BoundExecutor, right: BoundExecutor) =>
    compare(left.name, right.name) || compare(left.exeId, right.exeId);
  return [...executors].sort(order)[0];
}

// By code unit, the same in every locale.
function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
