import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { VARIABLES } from '../config.ts';
import { type Workspace, workspacesSchema } from './wire.ts';

export function listWorkspaces({ api }: CliContext): Promise<Workspace[]> {
  return api.call('/api/workspaces', workspacesSchema);
}

/**
 * The workspace that a command is about: the one named by id or name, else the only one.
 * @throws {CliError} `usage` with the choices
 */
export async function chooseWorkspace(context: CliContext, wanted: string | undefined): Promise<Workspace> {
  const name = wanted ?? context.settings.env.workspace;
  const all = await listWorkspaces(context);
  const fitting = name === undefined ? all : all.filter((each) => each.id === name || each.name === name);
  const [only, ...others] = fitting;
  if (only && others.length === 0) return only;
  const choices = (fitting.length > 0 ? fitting : all).map((each) => `${printable(each.name)} (${each.id})`).join(', ');
  if (name === undefined)
    throw usageError(`which workspace? Give --workspace or set ${VARIABLES.workspace}: ${choices}`);
  throw usageError(
    `there ${fitting.length === 0 ? 'is no' : 'are several'} "${printable(name)}" among your workspaces: ${choices}`,
  );
}
