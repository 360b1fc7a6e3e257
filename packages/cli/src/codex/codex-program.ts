import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { messageOf } from '@codex-gateways/token-source';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../config.ts';
import { ExitCode } from '../exit-code.ts';
import { type CodexVersion, parseCodexVersion } from './generations.ts';

const VERSION_TIMEOUT_MS = 15_000;
const run = promisify(execFile);

/** @throws {CliError} `codex_missing` when there is no such program, or it is not the Codex CLI */
export async function codexVersion(program: string, env: Environment): Promise<CodexVersion> {
  const { stdout } = await run(program, ['--version'], { env: { ...env }, timeout: VERSION_TIMEOUT_MS }).catch(
    (error) => {
      throw missing(program, messageOf(error).split('\n', 1).join());
    },
  );
  const version = parseCodexVersion(stdout);
  if (!version) throw missing(program, 'it does not say its version');
  return version;
}

/**
 * Runs the Codex CLI on this terminal until it ends, or until the person interrupts it.
 * @returns its exit code; 128 and the signal's number when a signal ended it
 */
export async function runCodex(
  program: string,
  args: readonly string[],
  { env, signal }: { env: Environment; signal: AbortSignal },
): Promise<number> {
  const child = spawn(program, args, { env: { ...env }, stdio: 'inherit' });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, signalName] = await once(child, 'exit');
    if (code !== null) return code;
    return signalName === 'SIGINT' ? 130 : 143;
  } catch (error) {
    throw missing(program, messageOf(error));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function missing(program: string, reason: string): CliError {
  const message = `the Codex CLI cannot be run as "${program}" (${reason}): install it, or name it with --codex`;
  return new CliError(ExitCode.failure, 'codex_missing', message);
}
