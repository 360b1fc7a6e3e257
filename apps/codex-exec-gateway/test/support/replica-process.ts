import { fileURLToPath } from 'node:url';
import { freePort, type ProcessExit, type RunningProcess, startProcess, waitFor } from '@codex-gateways/testing';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** One replica as operators run it: a process of its own, which can be restarted at its address. */
export class ReplicaProcess {
  readonly url: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: RunningProcess | undefined;

  private constructor(port: number, env: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#env = { ...env, CXG_PORT: String(port), CXG_SELF_INTERNAL_URL: this.url };
  }

  static async create(env: Readonly<Record<string, string>>): Promise<ReplicaProcess> {
    return new ReplicaProcess(await freePort(), env);
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  async start(): Promise<void> {
    this.#process = startProcess(process.execPath, [MAIN], { env: this.#env });
    await waitFor(async () => (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok, {
      timeoutMs: 30_000,
      describe: () => `the replica to be ready: ${this.output}`,
    });
  }

  /** Asks the process to end, as an orchestrator does. */
  async shutDown(): Promise<ProcessExit> {
    if (!this.#process) throw new Error('it does not run');
    process.kill(this.#process.pid, 'SIGTERM');
    return this.#process.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
