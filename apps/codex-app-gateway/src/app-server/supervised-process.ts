import { type ChildProcess, spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import type { AppServerAccount } from './app-server-account.ts';

/*
 * Runs the program as its child, in the process group that the shell leads. File descriptor 3 is the read end of a pipe
 * that this service holds: when the pipe closes, because the service wants the program to end or because the service is
 * gone, however it went, the program gets SIGTERM, and after a grace period everything in the group is killed.
 * The program inherits no descriptor but its standard ones, and leaves no core dump: its memory holds secrets.
 */
const SUPERVISOR = `
grace=$1; program_path=$2; umask "$3"; shift 3
PATH=/usr/bin:/bin
ulimit -c 0
exec 3<&0 </dev/null
PATH=$program_path "$@" 3<&- &
program=$!
( read -r _ <&3; kill -s TERM "$program"; sleep "$grace"; kill -s KILL 0 ) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"; status=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
`;

const STDERR_LINES_KEPT = 20;
const STDERR_LINE_LENGTH = 500;
// When even the shell does not answer, the group is killed from here.
const LAST_RESORT_AFTER_MS = 2000;
const LAST_LINES_WITHIN_MS = 500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: ANSI colours begin with ESC
const ANSI_COLOUR = /\u001b\[[0-9;]*m/g;

export interface SupervisedProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workFolder: string;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** In octal digits; what it makes is for its user only when absent. */
  readonly umask?: string;
  /** Absent: this service's own. */
  readonly account?: AppServerAccount | undefined;
}

/** A program that ends with this service, also when the service is killed. Owned by who made it, who must `stop` it. */
export class SupervisedProcess {
  readonly #shell: ChildProcess;
  readonly #graceMs: number;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  /** Settles when the program has ended, with how it ended in words. Never rejects. */
  readonly ended: Promise<string>;
  #hasEnded = false;

  constructor({ program, args, env, workFolder, graceMs, umask = '077', account }: SupervisedProgram) {
    this.#graceMs = graceMs;
    const graceSeconds = String(Math.max(1, Math.ceil(graceMs / 1000)));
    const parameters = ['codex-app-server', graceSeconds, env.PATH ?? '', umask, program, ...args];
    this.#shell = spawn('/bin/sh', ['-c', SUPERVISOR, ...parameters], {
      cwd: workFolder,
      env: { ...env },
      ...account,
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.#shell.stdin?.on('error', () => undefined); // the pipe may break before we close it
    this.#collectLines();
    this.ended = this.#watchEnd();
  }

  /** Of the process group; undefined when nothing could be started. */
  get groupId(): number | undefined {
    return this.#shell.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The last lines of standard error, without colours. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  /** Calls back for each line of standard error from now on, those that are known already first. */
  onLine(listener: (line: string) => void): () => void {
    for (const line of [...this.#lines]) listener(line);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the program and everything it started. Safe to call twice; settles when it is over. */
  async stop(): Promise<void> {
    this.#shell.stdin?.destroy();
    const lastResort = setTimeout(() => this.#killGroup(), this.#graceMs + LAST_RESORT_AFTER_MS);
    await this.ended;
    clearTimeout(lastResort);
  }

  #watchEnd(): Promise<string> {
    return new Promise((resolve) => {
      const end = (how: string) => {
        this.#hasEnded = true;
        this.#killGroup(); // what the program left behind, and the shell's own timer
        this.#shell.stdin?.destroy();
        // Its last lines are read by the time its standard error closes; somebody who left the group may hold that open.
        const timer = setTimeout(() => resolve(how), LAST_LINES_WITHIN_MS);
        this.#shell.once('close', () => {
          clearTimeout(timer);
          resolve(how);
        });
      };
      this.#shell.once('error', (error) => end(`could not be started: ${error.message}`));
      this.#shell.once('exit', (code, signal) => end(describeExit(code, signal)));
    });
  }

  #killGroup(): void {
    if (this.#shell.pid === undefined) return;
    try {
      process.kill(-this.#shell.pid, 'SIGKILL');
    } catch {
      // ESRCH: the group is gone
    }
  }

  #collectLines(): void {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    this.#shell.stderr?.on('error', () => undefined);
    this.#shell.stderr?.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = (lines.pop() ?? '').slice(0, STDERR_LINE_LENGTH);
      for (const line of lines) this.#keep(line.replace(ANSI_COLOUR, '').trim().slice(0, STDERR_LINE_LENGTH));
    });
  }

  #keep(line: string): void {
    if (line === '') return;
    this.#lines.push(line);
    if (this.#lines.length > STDERR_LINES_KEPT) this.#lines.shift();
    for (const listener of [...this.#listeners]) listener(line);
  }
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `ended by ${signal}`;
  return code !== null && code > 128 ? `ended by signal ${code - 128}` : `ended with exit code ${code}`;
}
