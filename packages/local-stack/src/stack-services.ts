import { fileURLToPath } from 'node:url';
import { Balancer } from './balancer.ts';
import { serverName } from './balancer-config.ts';
import { launchNode } from './launch.ts';
import type { Replicas } from './replicas.ts';
import { replicaEnvironment, SERVICE_NAMES, type ServiceName } from './service-environments.ts';
import { ServiceGroup } from './service-group.ts';
import { ServiceLog } from './service-log.ts';
import { chooseReplicaPorts } from './stack-ports.ts';
import { SupervisedService } from './supervised-service.ts';

export interface StackServicesOptions {
  /** Undefined: one process of each, without a balancer. */
  readonly balanced: { readonly replicas: Replicas; readonly haproxy: string } | undefined;
  readonly environments: Readonly<Record<ServiceName, NodeJS.ProcessEnv>>;
  /** Where each service is reached: it itself, or the balancer in front of it. */
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly logsFolder: string;
  readonly onLine: (line: string) => void;
}

type Member = { url: string; process: SupervisedService };

/** The processes of the three services, and the balancer in front of them where there are several. */
export class StackServices {
  readonly #groups: ReadonlyMap<ServiceName, ServiceGroup>;
  readonly #balancer: Balancer | undefined;

  private constructor(members: (name: ServiceName) => Member[], balancer: Balancer | undefined) {
    this.#balancer = balancer;
    const forGroups = balancer && {
      leaveOut: balancer.leaveOut.bind(balancer),
      takeIn: balancer.takeIn.bind(balancer),
      settled: () => this.#settled(),
    };
    const groups = SERVICE_NAMES.map(({ key }) => [key, new ServiceGroup(key, members(key), forGroups)] as const);
    this.#groups = new Map(groups);
  }

  /** Nothing is started yet. */
  static async create(options: StackServicesOptions): Promise<StackServices> {
    const { balanced, ports, onLine } = options;
    if (!balanced) return new StackServices((name) => [member(options, name)], undefined);
    const replicaPorts = await chooseReplicaPorts(balanced.replicas, ports);
    const services = SERVICE_NAMES.map(({ key }) => ({
      service: key,
      port: ports[key],
      replicaPorts: replicaPorts[key],
    }));
    const readyUrl = `${options.urls.auth}/readyz`;
    const log = rotatedLog(options.logsFolder, 'haproxy');
    const balancer = new Balancer({ haproxy: balanced.haproxy, services, readyUrl, log, onLine });
    const members = (name: ServiceName) =>
      replicaPorts[name].map((port, index) => member(options, name, { replica: index + 1, port }));
    return new StackServices(members, balancer);
  }

  group(name: ServiceName): ServiceGroup {
    const group = this.#groups.get(name);
    if (!group) throw new TypeError(`the stack has no service ${name}`);
    return group;
  }

  /** All at once: each waits for what it needs. The first that fails ends the others' start. */
  async start(): Promise<void> {
    const groups = [...this.#groups.values()].map((group) => group.startProcesses());
    await Promise.all([...groups, this.#balancer?.process.start()]);
    await this.#settled();
  }

  async #settled(): Promise<void> {
    const names = [...this.#groups].flatMap(([name, group]) => group.running.map((each) => serverName(name, each)));
    await this.#balancer?.waitUntilUp(names);
  }

  /** Ends a start, without waiting. */
  interrupt(): void {
    for (const stoppable of [...this.#groups.values(), this.#balancer]) stoppable?.stop().catch(() => undefined);
  }

  async stop(): Promise<void> {
    for (const { key } of SERVICE_NAMES) await this.#groups.get(key)?.stop();
    await this.#balancer?.stop();
  }
}

function member(
  { environments, urls, logsFolder, onLine }: StackServicesOptions,
  key: ServiceName,
  own?: { replica: number; port: number },
): Member {
  const service = SERVICE_NAMES.find((each) => each.key === key)?.name ?? key;
  const name = own ? `${service}-${own.replica}` : service;
  const url = own ? `http://127.0.0.1:${own.port}` : urls[key];
  const env = own ? replicaEnvironment(key, environments[key], own) : environments[key];
  const script = fileURLToPath(new URL(`../../../apps/${service}/dist/main.js`, import.meta.url));
  const launch = (logDescriptor: number) => launchNode(script, env, logDescriptor);
  const log = rotatedLog(logsFolder, name);
  return { url, process: new SupervisedService({ name, launch, readyUrl: `${url}/readyz`, log, onLine }) };
}

function rotatedLog(folder: string, name: string): ServiceLog {
  const log = new ServiceLog(folder, name);
  log.rotate();
  return log;
}
