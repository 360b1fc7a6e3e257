import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type ProcessExit, type RunningProcess, startProcess } from '../processes/running-process.ts';
import { codexBinary } from './codex-binary.ts';
import type { CodexHome } from './codex-home.ts';

const RUN_TIMEOUT_MS = 120_000;

/** How a Codex CLI is started. */
export interface CodexOptions {
  /** The bundled version when absent. */
  version?: string;
  args: readonly string[];
  /** Added to the minimal environment; no `CODEX_*` or `OPENAI_*` variable of ours is passed on by itself. */
  env?: Readonly<Record<string, string>>;
  home: Pick<CodexHome, 'path' | 'workFolder'>;
  /** The home's empty work folder when absent. */
  cwd?: string;
  /** Written to standard input, which is then closed. */
  input?: string;
}

/** Starts the CLI and leaves it running; see {@link RunningProcess} for how it ends at the latest. */
export async function startCodex(options: CodexOptions): Promise<RunningProcess> {
  const binary = await codexBinary(options.version);
  return startProcess(binary, options.args, {
    env: { ...environment(binary, options.home.path), ...options.env },
    cwd: options.cwd ?? options.home.workFolder,
    input: options.input,
  });
}

/**
 * Runs the CLI to its end, whatever its exit code.
 * @throws {Error} with the output so far, when it is still running after `timeoutMs` (two minutes); it is stopped then
 */
export async function runCodex(options: CodexOptions & { timeoutMs?: number }): Promise<ProcessExit> {
  const { timeoutMs = RUN_TIMEOUT_MS } = options;
  const codex = await startCodex(options);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const complain = () =>
      reject(new Error(`codex ${options.args.join(' ')} still ran after ${timeoutMs} ms; so far:\n${codex.output}`));
    timer = setTimeout(complain, timeoutMs);
  });
  try {
    return await Promise.race([codex.exited, timeout]);
  } finally {
    clearTimeout(timer);
    await codex.stop();
  }
}

function environment(binary: string, home: string): Record<string, string> {
  // Where older versions keep the ripgrep they ship; newer ones find theirs by themselves.
  const bundledTools = join(dirname(dirname(binary)), 'path');
  const path = process.env.PATH ?? '/usr/bin:/bin';
  return {
    PATH: existsSync(bundledTools) ? bundledTools + delimiter + path : path,
    HOME: home,
    CODEX_HOME: home,
    // The CLI distrusts a home below the temporary folder; so it gets another temporary folder, wherever the home is.
    TMPDIR: join(home, 'tmp'),
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
  };
}
