import { fileURLToPath } from 'node:url';
import { type RunningProcess, startProcess } from '@codex-gateways/testing';

/**
 * Runs a module of this package in a process of its own, from its TypeScript source.
 * @param path - from the package's folder
 */
export function runSource(path: string, env: Readonly<Record<string, string>> = {}): RunningProcess {
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const args = ['--conditions=source', '--import', file('./typescript-loader.mjs'), file(`../${path}`)];
  return startProcess(process.execPath, args, { env: { PATH: '/usr/bin:/bin', ...env } });
}
