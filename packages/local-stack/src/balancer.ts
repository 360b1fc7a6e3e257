import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type BalancedService, balancerConfig, serverName } from './balancer-config.ts';
import { launchProgram } from './launch.ts';
import type { ServiceName } from './service-environments.ts';
import type { ServiceLog } from './service-log.ts';
import { StackError } from './stack-error.ts';
import { SupervisedService } from './supervised-service.ts';

const UP_PATIENCE_MS = 10_000;
const POLL_MS = 50;

export interface BalancerOptions {
  readonly haproxy: string;
  readonly services: readonly BalancedService[];
  /** Answered through the balancer once it and a replica behind it take work. */
  readonly readyUrl: string;
  readonly log: ServiceLog;
  readonly onLine: (line: string) => void;
}

/** HAProxy in front of the replicas. */
export class Balancer {
  readonly process: SupervisedService;
  readonly #folder: string;
  readonly #socket: string;

  constructor({ haproxy, services, readyUrl, log, onLine }: BalancerOptions) {
    // Not in the state folder: the name of a socket may not be longer than 107 bytes.
    this.#folder = mkdtempSync(join(tmpdir(), 'codex-gateways-'));
    this.#socket = join(this.#folder, 'runtime');
    const file = join(this.#folder, 'haproxy.cfg');
    writeFileSync(file, balancerConfig(services, this.#socket));
    const launch = (logDescriptor: number) => launchProgram([haproxy, '-db', '-f', file], logDescriptor);
    this.process = new SupervisedService({ name: 'haproxy', launch, readyUrl, log, onLine });
  }

  /** No new requests and connections for this replica; those that it has go on. */
  leaveOut(service: ServiceName, replica: number): Promise<void> {
    return this.#order(`set server ${service}/${serverName(service, replica)} state drain`);
  }

  takeIn(service: ServiceName, replica: number): Promise<void> {
    return this.#order(`set server ${service}/${serverName(service, replica)} state ready`);
  }

  /**
   * Waits until these replicas get work, which is a health check later than they are ready.
   * @param servers - as {@link serverName} gives them
   */
  async waitUntilUp(servers: readonly string[]): Promise<void> {
    const deadline = performance.now() + UP_PATIENCE_MS;
    for (;;) {
      const up = new Set([...(await this.#ask('show stat')).matchAll(/^\w+,(\w+),.*,UP,/gm)].map(([, name]) => name));
      if (servers.every((name) => up.has(name)) || performance.now() > deadline) return;
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** HAProxy answers an order that it carried out with an empty line. */
  async #order(command: string): Promise<void> {
    const answer = await this.#ask(command);
    if (answer !== '') throw new StackError(`haproxy does not carry out '${command}': ${answer}`);
  }

  async #ask(command: string): Promise<string> {
    const socket = connect(this.#socket);
    socket.end(`${command}\n`);
    return (await text(socket)).trim();
  }
}
