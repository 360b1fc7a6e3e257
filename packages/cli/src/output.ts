import type { Writable } from 'node:stream';
import { printable } from '@codex-gateways/token-source';
import type { CliError } from './cli-error.ts';

export interface OutputOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly isJson: boolean;
  readonly isVerbose: boolean;
}

/** Results go to standard output, everything else to standard error, so that a pipe gets results only. */
export class Output {
  readonly #options: OutputOptions;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** The result of a command: `text` for a person, `json` with `--json`. */
  result(json: unknown, text: string): void {
    const { stdout, isJson } = this.#options;
    if (isJson) stdout.write(`${JSON.stringify(json, null, 2)}\n`);
    else if (text !== '') stdout.write(`${text}\n`);
  }

  /** What goes on, or what a person may want to do next. */
  note(text: string): void {
    this.#options.stderr.write(`${text}\n`);
  }

  /** With `--verbose` only. Never pass a token, a header or a body. */
  detail(text: string): void {
    if (this.#options.isVerbose) this.#options.stderr.write(`${text}\n`);
  }

  failure({ code, message, requestId }: Pick<CliError, 'code' | 'message' | 'requestId'>): void {
    const { stderr, isJson } = this.#options;
    const id = requestId === undefined ? {} : { request_id: requestId };
    if (isJson) stderr.write(`${JSON.stringify({ error: { code, message, ...id } })}\n`);
    else stderr.write(`codex-gateways: ${message}${requestId === undefined ? '' : ` (request ${requestId})`}\n`);
  }
}

/** Columns for a person; a table without rows is `empty`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => printable(line[column] ?? '').length)));
  const format = (line: readonly string[]) =>
    line.map((cell, column) => printable(cell).padEnd(widths[column] ?? 0)).join('  ');
  return lines.map((line) => format(line).trimEnd()).join('\n');
}

/** For one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
