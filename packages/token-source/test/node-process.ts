import { type ProcessExit, type RunningProcess, startProcess } from '@codex-gateways/testing';

/** Runs an ES module text in a process of its own. It imports the compiled package, `DIST` standing for its folder's URL. */
export function startModule(text: string, env: Record<string, string> = {}): RunningProcess {
  const dist = JSON.stringify(new URL('../dist/', import.meta.url).href).slice(1, -1);
  const args = ['--input-type=module', '--eval', text.replaceAll('DIST/', dist)];
  return startProcess(process.execPath, args, { env: { PATH: process.env.PATH, ...env } });
}

/** As {@link startModule}, to its end. */
export function runModule(text: string, env: Record<string, string> = {}): Promise<ProcessExit> {
  return startModule(text, env).exited;
}
