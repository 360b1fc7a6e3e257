import { fileURLToPath } from 'node:url';
import {
  freePort,
  isAlive,
  type ProcessExit,
  type RunningProcess,
  startProcess,
  waitFor,
} from '@codex-gateways/testing';
import { PATIENCE_MS } from './patience.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Characters. */
const LAST_LINES = 4_000;

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

  /** For what a test says when it gives up. */
  get lastOutput(): string {
    return `the replica wrote at last:\n${this.output.slice(-LAST_LINES)}`;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && isAlive(this.#process.pid);
  }

  /** One sample of its metrics page, such as `codex_exec_dropped_frames_total{reason="text_frame"}`; 0 when it is not there. */
  async metric(name: string): Promise<number> {
    const page = await fetch(`${this.url}/metrics`).then(
      (answer) => answer.text(),
      (cause) => {
        throw new Error(`the replica does not answer; ${this.lastOutput}`, { cause });
      },
    );
    const [plain, labels = ''] = name.replace('}', '').split('{');
    const line = page
      .split('\n')
      .find((each) => (each.startsWith(`${plain}{`) || each.startsWith(`${plain} `)) && each.includes(labels));
    return Number(line?.split(' ').pop() ?? 0);
  }

  /** As a machine that is switched off. */
  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    await this.#process?.exited;
  }

  async start(): Promise<void> {
    this.#process = startProcess(process.execPath, [MAIN], { env: this.#env });
    await waitFor(async () => (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok, {
      timeoutMs: PATIENCE_MS,
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
