import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { table } from '../output.ts';
import { connectorsSchema, type Workspace } from './wire.ts';
import { chooseWorkspace, listWorkspaces } from './workspace.ts';

/** Every executor that the person can reach, in all workspaces unless one is named, and which of them are online now. */
export async function listExecutors(
  context: CliContext,
  options: { workspace?: string; online?: boolean },
): Promise<void> {
  const workspaces =
    options.workspace === undefined
      ? await listWorkspaces(context)
      : [await chooseWorkspace(context, options.workspace)];
  const lists = await Promise.all(workspaces.map((workspace) => executorsOf(context, workspace)));
  const executors = lists.flat().filter(({ is_online }) => is_online || !options.online);
  const rows = executors.map((each) => [
    each.is_online ? 'online' : 'offline',
    each.name,
    each.workspace_name,
    each.exe_id,
    each.last_seen_at ?? 'never seen',
  ]);
  const empty = options.online ? 'No executor is online.' : 'There are no executors.';
  context.out.result(executors, table(['STATE', 'NAME', 'WORKSPACE', 'ID', 'LAST SEEN'], rows, empty));
}

async function executorsOf({ api }: CliContext, workspace: Workspace) {
  const query = { workspace_id: workspace.id };
  const connectors = await api.call('/api/codex/connectors', connectorsSchema, { query });
  return connectors.map((each) => ({
    exe_id: each.exe_id,
    name: each.name,
    workspace_id: workspace.id,
    workspace_name: printable(workspace.name),
    is_default: each.is_default,
    is_online: each.is_online,
    last_seen_at: each.last_seen_at ?? null,
    codex_version: each.codex_version ?? null,
  }));
}
