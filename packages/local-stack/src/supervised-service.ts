import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceLog } from './service-log.ts';
import { oneLine, StackError } from './stack-error.ts';

const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 20_000;
const READY_POLL_MS = 50;
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 10_000;
/** A process that has been ready for so long did not fail at its start. */
const SETTLED_MS = 30_000;

export interface SupervisedServiceOptions {
  readonly name: string;
  /** @param logDescriptor - where the process writes to */
  readonly launch: (logDescriptor: number) => ChildProcess;
  /** Answers 200 once the service takes work. */
  readonly readyUrl: string;
  readonly log: ServiceLog;
  readonly onLine: (line: string) => void;
}

/** One service as a child process: started, watched, started again when it dies, stopped. */
export class SupervisedService {
  readonly #options: SupervisedServiceOptions;
  #child: ChildProcess | undefined;
  #isWanted = false;
  #stopped = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(options: SupervisedServiceOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** It was started, and nobody has stopped it. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** @throws {Error} the service does not run at the moment */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#options.name} does not run`);
    return pid;
  }

  /** Resolves when the service takes work. @throws {StackError} it ended first, or did not get ready in time */
  async start(): Promise<void> {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#stopped = new AbortController();
    const { child, logOffset } = this.#spawn();
    try {
      await this.#ready(child, logOffset);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#watching = this.#watch(child);
  }

  /** Asks the service to end, and makes it end when it does not. Idempotent. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#stopped.abort();
    const child = this.#child;
    if (child && isRunning(child)) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
      await exit;
      clearTimeout(timer);
    }
    await this.#watching;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  #spawn(): { child: ChildProcess; logOffset: number } {
    const { launch, log } = this.#options;
    const { descriptor, offset } = log.open();
    const child = launch(descriptor);
    closeSync(descriptor);
    child.on('error', () => undefined); // 'exit' or the missing pid tell the same
    this.#child = child;
    return { child, logOffset: offset };
  }

  async #ready(child: ChildProcess, logOffset: number): Promise<void> {
    const { name, readyUrl, log } = this.#options;
    const deadline = performance.now() + START_PATIENCE_MS;
    let answer = 'no answer';
    while (isRunning(child)) {
      answer = await askReadiness(readyUrl);
      if (answer === 'ready') return;
      if (performance.now() > deadline) throw new StackError(`${name} is not ready: ${answer}; its log is ${log.path}`);
      await delay(READY_POLL_MS);
    }
    const reason = log.reasonSince(logOffset) ?? `it ended with ${endOf(child)}; its log is ${log.path}`;
    throw new StackError(`${name} does not start: ${reason}`);
  }

  /** Starts the service again each time it ends unasked, waiting longer while it keeps failing. */
  async #watch(first: ChildProcess): Promise<void> {
    const { name, onLine } = this.#options;
    let child = first;
    let readySince = performance.now();
    let retryMs = FIRST_RESTART_MS;
    while (this.#isWanted) {
      if (isRunning(child)) await once(child, 'exit');
      if (!this.#isWanted) return;
      if (performance.now() - readySince > SETTLED_MS) retryMs = FIRST_RESTART_MS;
      onLine(`${name} ended with ${endOf(child)}; starting it again in ${retryMs / 1000} s`);
      await delay(retryMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, LONGEST_RESTART_MS);
      if (!this.#isWanted) return;
      const again = this.#spawn();
      child = again.child;
      try {
        await this.#ready(child, again.logOffset);
        readySince = performance.now();
        onLine(`${name} is ready again`);
      } catch (error) {
        if (this.#isWanted) onLine(oneLine(error));
        child.kill('SIGKILL');
      }
    }
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`;
}

/** @returns `ready`, or what is missing in one line */
async function askReadiness(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const text = (await response.text()).slice(0, 500);
    return response.ok ? 'ready' : `${response.status} ${text}`;
  } catch {
    return 'no answer';
  }
}
