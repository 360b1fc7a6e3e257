import { chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppServerAccount } from './app-server-account.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** How a CLI speaks with executors: encrypted, after it has asked for them; or, up to 0.140, in clear over an address that it is given. */
export type Generation = 'noise' | 'legacy';

const FIRST_NOISE = [0, 141] as const;
/** A large program, which may be read from a slow disk for the first time: taken for another generation it could run no command. */
const TIMEOUT_MS = 30_000;

/**
 * The generation of a CLI, from what it prints as its version. One that says nothing of use counts as current: configured like that, an
 * older one has no place at all to run commands, which is safe.
 */
export async function generationOf(
  program: string,
  {
    stateDir,
    path,
    account,
    timeoutMs = TIMEOUT_MS,
  }: { stateDir: string; path: string; account?: AppServerAccount | undefined; timeoutMs?: number },
): Promise<{ generation: Generation; version: string | undefined }> {
  const folder = await mkdtemp(join(stateDir, 'version-'));
  try {
    if (account) await chown(folder, account.uid, account.gid);
    const child = new SupervisedProcess({
      program: '/bin/sh',
      args: ['-c', 'exec "$0" --version >&2', program],
      env: { PATH: path, HOME: folder, CODEX_HOME: folder },
      workFolder: '/',
      graceMs: 1000,
      account,
    });
    const timer = setTimeout(() => void child.stop(), timeoutMs);
    await child.ended;
    clearTimeout(timer);
    return parseGeneration(child.lastLines.join('\n'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param output - such as `codex-cli 0.169.0` */
export function parseGeneration(output: string): { generation: Generation; version: string | undefined } {
  const [, version, major, minor] = /\b((\d+)\.(\d+)\.\d+\S*)/.exec(output) ?? [];
  if (version === undefined || Number(major) > FIRST_NOISE[0]) return { generation: 'noise', version };
  return { generation: Number(minor) < FIRST_NOISE[1] ? 'legacy' : 'noise', version };
}
