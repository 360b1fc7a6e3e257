import type { CliContext } from '../cli-context.ts';
import { table } from '../output.ts';
import { remoteSessionsSchema } from './wire.ts';
import { chooseWorkspace } from './workspace.ts';

/** Who is connected with `codex --remote`, of one workspace or of all that the person may see. */
export async function listRemoteSessions(
  context: CliContext,
  options: { workspace?: string; all?: boolean },
): Promise<void> {
  const workspace = options.workspace === undefined ? undefined : await chooseWorkspace(context, options.workspace);
  const query = { workspace_id: workspace?.id, include_ended: options.all ? 'true' : undefined };
  const sessions = await context.api.call('/api/codex/sessions', remoteSessionsSchema, { query });
  const rows = sessions.map((each) => [
    each.email,
    [each.client_name, each.client_version].filter(Boolean).join(' ') || 'unknown',
    each.ip ?? 'unknown',
    each.opened_at,
    each.ended_at ?? 'connected',
  ]);
  const columns = ['WHO', 'CLIENT', 'ADDRESS', 'SINCE', 'UNTIL'];
  context.out.result(sessions, table(columns, rows, 'Nobody is connected.'));
}
