import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { whenThisProcessIsGone } from './process-guard.ts';

/** For services that drain, on a machine that does much else. */
const STOP_GRACE_MS = 30_000;
const OUTPUT_AFTER_EXIT_MS = 3_000;

/** What a process is started with. */
export interface ProcessOptions {
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Written to standard input, which is then closed. Without it standard input is empty. */
  input?: string;
}

/** How a process ended, and everything it wrote. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * A process in a process group of its own. The whole group is killed with {@link stop}, when its first process exits,
 * and when this process is gone. It does not keep this process alive.
 */
export class RunningProcess {
  readonly #child: Child;
  readonly #watchers = new Set<() => void>();
  readonly #written = { stdout: '', stderr: '', both: '' };
  #ended = false;
  /** Settles when the process has exited and its output is complete. Rejects when it could not be started. */
  readonly exited: Promise<ProcessExit>;

  constructor(command: string, args: readonly string[], options: ProcessOptions) {
    this.#child = spawn(command, args, { cwd: options.cwd, env: { ...options.env }, detached: true });
    this.#collect('stdout');
    this.#collect('stderr');
    const pid = this.#child.pid;
    const callGuardOff =
      pid === undefined ? () => undefined : whenThisProcessIsGone('kill -s KILL -- "-$1"', [String(pid)]);
    this.exited = this.#watchExit(callGuardOff);
    this.exited.catch(() => undefined); // also seen by whoever waits for output or stops
    this.#child.stdin.on('error', () => undefined); // it may exit before it has read everything
    this.#child.stdin.end(options.input ?? '');
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) (stream as Socket).unref();
  }

  /** @throws {Error} when the process could not be started */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process was not started');
    return this.#child.pid;
  }

  /** Standard output and standard error so far, in the order they came. */
  get output(): string {
    return this.#written.both;
  }

  /** The complete lines of standard output so far. */
  get stdoutLines(): string[] {
    return this.#written.stdout.split('\n').slice(0, -1);
  }

  /**
   * The first match of `pattern` in {@link output}, already written or still to come.
   * @throws {Error} with the output, when the process exits without it or `timeoutMs` pass
   */
  async waitForOutput(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(this.output);
        if (match) settle(() => resolve(match));
        else if (this.#ended) settle(() => reject(new Error(this.#missing(pattern, 'the process ended'))));
      };
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(this.#missing(pattern, `${timeoutMs} ms passed`))));
      }, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal to the whole group; a group that is gone already is fine. */
  signal(signal: NodeJS.Signals): void {
    try {
      if (!this.#ended) process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Ends the group: SIGTERM, and SIGKILL for what is left of it after `graceMs`. Safe to call twice. */
  async stop(graceMs = STOP_GRACE_MS): Promise<ProcessExit> {
    if (this.#child.pid === undefined) return this.exited;
    this.signal('SIGTERM');
    this.signal('SIGCONT'); // one that a test has frozen could not end in order
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  #collect(name: 'stdout' | 'stderr'): void {
    this.#child[name].setEncoding('utf8').on('data', (text: string) => {
      this.#written[name] += text;
      this.#written.both += text;
      this.#notify();
    });
  }

  async #watchExit(callGuardOff: () => void): Promise<ProcessExit> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    try {
      const { code, signal } = await new Promise<Pick<ProcessExit, 'code' | 'signal'>>((resolve, reject) => {
        this.#child.once('error', reject).once('exit', (code, signal) => resolve({ code, signal }));
      });
      this.signal('SIGKILL'); // children it left behind, which may also hold its output open
      await Promise.race([closed, delay(OUTPUT_AFTER_EXIT_MS, undefined, { ref: false })]);
      const { stdout, stderr } = this.#written;
      return { code, signal, stdout, stderr };
    } finally {
      this.#ended = true;
      callGuardOff();
      this.#notify();
    }
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }

  #missing(pattern: RegExp, why: string): string {
    return `${why} without output matching ${pattern}; so far:\n${this.output}`;
  }
}

/** Starts a process, see {@link RunningProcess}. A command that does not exist shows in `exited`, which then rejects. */
export function startProcess(command: string, args: readonly string[], options: ProcessOptions): RunningProcess {
  return new RunningProcess(command, args, options);
}
