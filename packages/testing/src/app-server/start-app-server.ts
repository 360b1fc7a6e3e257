import { type CodexOptions, startCodex } from '../codex/run-codex.ts';
import type { RunningProcess } from '../processes/running-process.ts';

const START_TIMEOUT_MS = 60_000;

/**
 * Starts `codex app-server` on a free port of 127.0.0.1 and waits until it listens.
 * @param options - `args` are added to the command, such as `--ws-auth`
 * @returns its address, `ws://127.0.0.1:PORT`
 */
export async function startAppServer(
  options: Omit<CodexOptions, 'args' | 'input'> & { args?: readonly string[] },
): Promise<{ url: string; process: RunningProcess }> {
  const args = ['app-server', '--listen', 'ws://127.0.0.1:0', ...(options.args ?? [])];
  const process = await startCodex({ ...options, args });
  const [, url = ''] = await process.waitForOutput(/listening on: (ws:\/\/\S+)/, START_TIMEOUT_MS);
  return { url, process };
}
