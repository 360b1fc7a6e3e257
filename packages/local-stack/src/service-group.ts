import { setTimeout as delay } from 'node:timers/promises';
import type { Balancer } from './balancer.ts';
import type { ServiceName } from './service-environments.ts';
import type { SupervisedService } from './supervised-service.ts';

/** Between the moment when the balancer leaves a replica out and SIGTERM: what is on its way there arrives. */
const LEAVE_OUT_MS = 500;

/** One process of a running stack. */
export interface StackChild {
  /** @throws {Error} while it does not run */
  readonly pid: number;
  /** What a crash or a foreign `kill` would do: the stack starts the service again. */
  kill(signal: NodeJS.Signals): void;
  /** Stays stopped until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
}

/** One replica of a service. */
export interface StackReplica extends StackChild {
  /** Where it is reached without the balancer. */
  readonly url: string;
}

interface Member {
  readonly url: string;
  readonly process: SupervisedService;
}

/** What stands in front of the replicas of a service. */
export interface GroupBalancer extends Pick<Balancer, 'leaveOut' | 'takeIn'> {
  /** Waits until every running replica, of whatever service, gets work. */
  settled(): Promise<void>;
}

/** All replicas of one service. As a {@link StackChild}: `pid` and `kill` are of the first, the rest is of all. */
export class ServiceGroup implements StackChild {
  readonly #service: ServiceName;
  readonly #members: readonly Member[];
  readonly #balancer: GroupBalancer | undefined;

  constructor(service: ServiceName, members: readonly Member[], balancer: GroupBalancer | undefined) {
    this.#service = service;
    this.#members = members;
    this.#balancer = balancer;
  }

  get pid(): number {
    return this.#first.pid;
  }

  get replicas(): readonly StackReplica[] {
    return this.#members.map(({ url, process }) => ({
      url,
      get pid() {
        return process.pid;
      },
      kill: (signal) => process.kill(signal),
      stop: () => process.stop(),
      start: async () => {
        await process.start();
        await this.#balancer?.settled();
      },
      restart: async () => {
        await process.restart();
        await this.#balancer?.settled();
      },
    }));
  }

  kill(signal: NodeJS.Signals): void {
    this.#first.kill(signal);
  }

  async stop(): Promise<void> {
    await this.#each((process) => process.stop());
  }

  async start(): Promise<void> {
    await this.startProcesses();
    await this.#balancer?.settled();
  }

  /** As `start`, without the balancer, which may not run yet. */
  async startProcesses(): Promise<void> {
    await this.#each((process) => process.start());
  }

  /** The numbers of the replicas that are to run; 1 for the first. */
  get running(): number[] {
    return this.#members.flatMap(({ process }, index) => (process.isWanted ? [index + 1] : []));
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /**
   * One replica after the other, as an orchestrator does: the balancer leaves it out, it drains and ends, it starts, and the
   * balancer takes it in again once it is ready.
   * @throws {StackError} a replica does not come back; those after it were left alone
   */
  async rollingRestart(onLine: (line: string) => void = () => undefined): Promise<void> {
    for (const [index, { process }] of this.#members.entries()) {
      const [balancer, number] = [this.#balancer, index + 1];
      const startedAt = performance.now();
      await balancer?.leaveOut(this.#service, number);
      try {
        if (balancer) await delay(LEAVE_OUT_MS);
        await process.restart();
      } finally {
        await balancer?.takeIn(this.#service, number);
      }
      await balancer?.settled();
      onLine(`${process.name} restarted in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    }
  }

  get #first(): SupervisedService {
    const [first] = this.#members;
    if (!first) throw new TypeError('a service has at least one process');
    return first.process;
  }

  async #each(act: (process: SupervisedService) => Promise<void>): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => act(process)));
  }
}
