import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { whenThisProcessIsGone } from '../processes/process-guard.ts';
import { waitFor } from '../waiting/wait-for.ts';

const run = promisify(execFile);
/** tmux itself answers at once, or hangs. */
const TMUX_TIMEOUT_MS = 60_000;
const COLUMNS = 120;
const ROWS = 45;
// tmux's own remain-on-exit loses what a program wrote right before its end.
const KEEP_THE_SCREEN = '"$@"; echo "[ended with exit code $?]"; exec sleep 86400';

export interface TerminalOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** All of the program's environment; `PATH` must lead to tmux. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** A program in a terminal, as a person sees it and types into it. */
export interface Terminal {
  /** The text on the screen, 120 columns by 45 rows, trailing blanks left out. After the program's end it stays, with `[ended with exit code N]`. */
  screen(): Promise<string>;
  /** Types text, character by character. */
  type(text: string): Promise<void>;
  /** @param key - as tmux names it: `Enter`, `Escape`, `C-c` */
  press(key: string): Promise<void>;
  /** @throws {Error} with what is on the screen, when the pattern does not come up in time */
  waitForScreen(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** Ends the program. It also ends when this process is gone. */
  close(): Promise<void>;
}

/**
 * Runs a program in a tmux of its own: no configuration of the user's, no session of theirs.
 * @throws {Error} when there is no tmux
 */
export async function startTerminal({ command, env, cwd }: TerminalOptions): Promise<Terminal> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-gateways-terminal-'));
  const socket = join(folder, 'tmux');
  const options = {
    env: { TERM: 'xterm-256color', ...env },
    cwd,
    timeout: TMUX_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  } as const;
  const tmux = async (...args: string[]) =>
    (await run('tmux', ['-S', socket, '-f', '/dev/null', ...args], options)).stdout;
  const callGuardOff = whenThisProcessIsGone('tmux -S "$1" kill-server; rm -rf "$2"', [socket, folder]);
  const close = async () => {
    await tmux('kill-server').catch(() => undefined); // it is gone already
    await rm(folder, { recursive: true, force: true });
    callGuardOff();
  };
  try {
    const size = ['-x', String(COLUMNS), '-y', String(ROWS)];
    await tmux('new-session', '-d', ...size, '/bin/sh', '-c', KEEP_THE_SCREEN, 'sh', ...command);
  } catch (error) {
    await close();
    throw error;
  }
  const screen = async () => (await tmux('capture-pane', '-p')).replace(/[ \t]+$/gm, '').trimEnd();
  return {
    screen,
    type: async (text) => void (await tmux('send-keys', '-l', '--', text)),
    press: async (key) => void (await tmux('send-keys', key)),
    async waitForScreen(pattern, timeoutMs) {
      let seen = '';
      const describe = () => `${pattern} on the screen, which shows\n${seen}\n`;
      return waitFor(
        async () => {
          seen = await screen();
          return pattern.test(seen) && seen;
        },
        { timeoutMs, describe, intervalMs: 100 },
      );
    },
    close,
  };
}
