import { PortTakenError, requireFreePort } from '@codex-gateways/database';
import type { StackPorts } from './config.ts';
import type { Replicas } from './replicas.ts';
import { SERVICE_NAMES, type ServiceName } from './service-environments.ts';
import { StackError } from './stack-error.ts';

const PORT_VARIABLES: Readonly<Record<ServiceName, string>> = {
  auth: 'CODEX_AUTH_PORT',
  app: 'CODEX_APP_GATEWAY_PORT',
  exec: 'CODEX_EXEC_GATEWAY_PORT',
};

/**
 * Looks before anything is started, so that a taken port is named at once. A port that is 0 or missing is chosen by the system.
 * @throws {StackError} naming the port and the variable that sets another
 */
export async function choosePorts(wanted: Partial<StackPorts>): Promise<Record<ServiceName, number>> {
  const chosen: Partial<Record<ServiceName, number>> = {};
  for (const { key, name } of SERVICE_NAMES) {
    try {
      do chosen[key] = await requireFreePort(wanted[key] ?? 0);
      while (!wanted[key] && Object.values(chosen).filter((port) => port === chosen[key]).length > 1);
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      throw new StackError(`${name} does not start: ${error.message}; set ${PORT_VARIABLES[key]} to use another`);
    }
  }
  return chosen as Record<ServiceName, number>;
}

/** Free ports for the replicas behind a balancer, none of them twice and none of the balancer's. */
export async function chooseReplicaPorts(
  replicas: Replicas,
  taken: Readonly<Record<ServiceName, number>>,
): Promise<Record<ServiceName, number[]>> {
  const used = new Set(Object.values(taken));
  const next = async () => {
    let port = await requireFreePort(0);
    while (used.has(port)) port = await requireFreePort(0);
    used.add(port);
    return port;
  };
  const ports: Record<ServiceName, number[]> = { auth: [], app: [], exec: [] };
  for (const { key } of SERVICE_NAMES) while (ports[key].length < replicas[key]) ports[key].push(await next());
  return ports;
}
