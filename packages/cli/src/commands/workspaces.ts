import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { table } from '../output.ts';
import { findUser } from './users.ts';
import { type OverseenWorkspace, overseenWorkspacesPageSchema } from './wire.ts';

const PATH = '/api/admin/workspaces';
const PAGE_SIZE = '200';

/** The workspaces of everybody, for administrators; or those that nobody is left to own. */
export async function listAllWorkspaces(context: CliContext, options: { withoutOwner?: boolean }): Promise<void> {
  const workspaces: OverseenWorkspace[] = [];
  for await (const workspace of allWorkspaces(context, options)) workspaces.push(workspace);
  const rows = workspaces.map(({ name, id, members, owners }) => [
    name,
    id,
    String(members),
    owners.join(', ') || 'nobody',
  ]);
  context.out.result(workspaces, table(['NAME', 'ID', 'MEMBERS', 'OWNERS'], rows, 'There are no such workspaces.'));
}

/** @param workspaceId - as "workspaces list" shows it @param who - id or email address of who is to own it */
export async function setWorkspaceOwner(context: CliContext, workspaceId: string, who: string): Promise<void> {
  const user = await findUser(context, who);
  const path = `${PATH}/${encodeURIComponent(workspaceId)}/owners/${encodeURIComponent(user.id)}`;
  await context.api.send(path, { method: 'PUT' });
  const text = `${printable(user.email)} owns workspace ${printable(workspaceId)}.`;
  context.out.result({ workspace_id: workspaceId, user_id: user.id, role: 'owner' }, text);
}

async function* allWorkspaces(
  { api }: CliContext,
  { withoutOwner }: { withoutOwner?: boolean },
): AsyncGenerator<OverseenWorkspace> {
  const without_owner = withoutOwner ? 'true' : undefined;
  let cursor: string | undefined;
  do {
    const query = { limit: PAGE_SIZE, cursor, without_owner };
    const page = await api.call(PATH, overseenWorkspacesPageSchema, { query });
    yield* page.workspaces;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
