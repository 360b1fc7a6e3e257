import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A running process of an app-server, as Linux shows it. */
export interface AppServerProcess {
  readonly pid: number;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The Codex CLIs that run in the codex home of a workspace; not the shells that watch over them. */
export async function appServerProcesses(stateDir: string, workspaceId = 'ws-1'): Promise<AppServerProcess[]> {
  const codexHome = join(stateDir, 'workspaces', workspaceId, 'codex-home');
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(ids.map((id) => readProcess(id).catch(() => undefined)));
  return found
    .filter((each) => each !== undefined)
    .filter(({ args, environment }) => args[1] === 'app-server' && environment.CODEX_HOME === codexHome);
}

/** The one that there must be. */
export async function onlyAppServer(stateDir: string, workspaceId = 'ws-1'): Promise<AppServerProcess> {
  const [only, ...others] = await appServerProcesses(stateDir, workspaceId);
  if (!only || others.length > 0) throw new Error(`there are ${others.length + (only ? 1 : 0)} app-servers`);
  return only;
}

/** The one turn that is begun and not known to be revoked, from the gateway's journal. */
export async function openTurnId(stateDir: string): Promise<string> {
  const turns = JSON.parse(await readFile(join(stateDir, 'turns.json'), 'utf8')) as { turnId: string }[];
  const [only, ...others] = turns;
  if (!only || others.length > 0) throw new Error(`there are ${turns.length} turns`);
  return only.turnId;
}

async function readProcess(id: string): Promise<AppServerProcess> {
  const parts = async (name: string) => (await readFile(`/proc/${id}/${name}`, 'utf8')).split('\0').slice(0, -1);
  const [args, environment] = await Promise.all([parts('cmdline'), parts('environ')]);
  const entries = environment.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]);
  return { pid: Number(id), args, environment: Object.fromEntries(entries) };
}
