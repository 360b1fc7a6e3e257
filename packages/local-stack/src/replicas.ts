import type { ServiceName } from './service-environments.ts';
import { StackError } from './stack-error.ts';

/** How many processes of each service run. More than one of any of them needs a balancer. */
export type Replicas = Readonly<Record<ServiceName, number>>;

const ONE_OF_EACH: Replicas = { auth: 1, app: 1, exec: 1 };

/** Four of each fill what the embedded PostgreSQL has in connections. */
const MOST_REPLICAS = 4;

/**
 * Reads `auth=2,exec=3,app=2`; what is not named has one.
 * @throws {StackError} it is not of that form
 */
export function parseReplicas(text: string): Replicas {
  const replicas: Record<ServiceName, number> = { ...ONE_OF_EACH };
  for (const part of text.split(',')) {
    const [, name, count] = /^\s*(auth|app|exec)=([1-4])\s*$/.exec(part) ?? [];
    if (name === undefined) {
      throw new StackError(
        `replicas are given as auth=2,exec=3,app=2, each from 1 to ${MOST_REPLICAS}; this is not: ${text}`,
      );
    }
    replicas[name as ServiceName] = Number(count);
  }
  return replicas;
}
