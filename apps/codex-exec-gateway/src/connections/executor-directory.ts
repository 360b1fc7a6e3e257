import type { LiveConnection } from '../registration/registrations.ts';
import type { ExecutorConnection } from './executor-connection.ts';
import type { LocalExecutors } from './local-executors.ts';

/** Where an executor's live connection is. */
export type ExecutorLocation =
  | { readonly kind: 'here'; readonly executor: ExecutorConnection }
  | { readonly kind: 'elsewhere' };

/** Finds the socket of a connection that is on record: at this replica, or at the one that the record names. */
export class ExecutorDirectory {
  readonly #localExecutors: Pick<LocalExecutors, 'get'>;

  constructor(localExecutors: Pick<LocalExecutors, 'get'>) {
    this.#localExecutors = localExecutors;
  }

  locate(exeId: string, connection: LiveConnection): ExecutorLocation {
    const executor = this.#localExecutors.get(exeId);
    const isHere = executor && !executor.isOver && executor.identity.connectionId === connection.connectionId;
    return isHere ? { kind: 'here', executor } : { kind: 'elsewhere' };
  }
}
