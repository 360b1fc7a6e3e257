import { parseArgs } from 'node:util';
import { parseReplicas, type Replicas } from './replicas.ts';
import { SERVICE_NAMES, type ServiceName } from './service-environments.ts';
import { oneLine, StackError } from './stack-error.ts';

/** What `npm run stack -- …` is asked to do. */
export type StackOrder =
  | { readonly kind: 'run'; readonly replicas: Replicas | undefined }
  | { readonly kind: 'restart'; readonly service: ServiceName };

/** @throws {StackError} an option that is none, or a value that is none */
export function readArguments(args: readonly string[]): StackOrder {
  const { replicas, restart } = parse(args);
  if (restart === undefined)
    return { kind: 'run', replicas: replicas === undefined ? replicas : parseReplicas(replicas) };
  const service = SERVICE_NAMES.find(({ key }) => key === restart)?.key;
  if (service === undefined) throw new StackError(`--restart takes auth, app or exec, not ${restart}`);
  return { kind: 'restart', service };
}

function parse(args: readonly string[]): { replicas?: string | undefined; restart?: string | undefined } {
  try {
    return parseArgs({ args: [...args], options: { replicas: { type: 'string' }, restart: { type: 'string' } } })
      .values;
  } catch (error) {
    throw new StackError(`${oneLine(error)}; there are --replicas auth=2,exec=3,app=2 and --restart auth`);
  }
}
