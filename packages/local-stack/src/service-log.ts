import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const LONGEST_TAIL_BYTES = 64 * 1024;

/** The log file of one service: its process writes to it directly, so that it works on when the stack itself is killed. */
export class ServiceLog {
  readonly path: string;

  constructor(folder: string, name: string) {
    this.path = join(folder, `${name}.log`);
  }

  /** Keeps the log of the run before as `.log.1`. */
  rotate(): void {
    if (existsSync(this.path)) renameSync(this.path, `${this.path}.1`);
  }

  /** @returns a descriptor to hand to a process, for the caller to close, and where that process will begin to write */
  open(): { descriptor: number; offset: number } {
    const descriptor = openSync(this.path, 'a', 0o600);
    return { descriptor, offset: fstatSync(descriptor).size };
  }

  /** Why a process gave up, in one line: what it wrote to standard error, which is what is not a log record. */
  reasonSince(offset: number): string | undefined {
    const lines = this.#read(offset)
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('{') && !/^\s+at /.test(line));
    const heading = lines.findIndex((line) => /error|cannot|not usable|missing|failed/i.test(line));
    const reason = lines.slice(Math.max(heading, 0), Math.max(heading, 0) + 4).map((line) => line.trim());
    return reason.length > 0 ? reason.join(' ') : undefined;
  }

  #read(offset: number): string {
    const descriptor = openSync(this.path, 'r');
    try {
      const size = fstatSync(descriptor).size;
      const start = Math.max(offset, size - LONGEST_TAIL_BYTES);
      const buffer = Buffer.alloc(Math.max(size - start, 0));
      readSync(descriptor, buffer, 0, buffer.length, start);
      return buffer.toString('utf8');
    } finally {
      closeSync(descriptor);
    }
  }
}
