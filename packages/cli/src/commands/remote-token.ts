import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { table } from '../output.ts';
import { mintedTokenSchema, remoteTokensSchema } from './wire.ts';
import { chooseWorkspace } from './workspace.ts';

/** Mints a remote token: what `codex --remote` shows to codex-app-gateway. Only the token goes to standard output. */
export async function mintRemoteToken(
  context: CliContext,
  name: string,
  options: { workspace?: string; expiresIn?: number },
): Promise<void> {
  const workspace = await chooseWorkspace(context, options.workspace);
  const { expiresIn: lifetimeMs } = options;
  const expiry = lifetimeMs === undefined ? {} : { expires_at: new Date(Date.now() + lifetimeMs).toISOString() };
  const body = { workspace_id: workspace.id, name, ...expiry };
  const minted = await context.api.call('/api/codex/tokens', mintedTokenSchema, { method: 'POST', body });
  context.out.result(minted, minted.token);
  const gateway = context.settings.appGatewayUrl?.replace(/^http/, 'ws') ?? '<codex-app-gateway, ws://… or wss://…>';
  context.out.note(
    [
      `Remote token ${minted.id} for workspace ${printable(workspace.name)}, good until ${minted.expires_at}; shown only this once. Use it:`,
      `  export CODEX_REMOTE_TOKEN=<the token>`,
      `  codex --remote ${gateway} --remote-auth-token-env CODEX_REMOTE_TOKEN`,
    ].join('\n'),
  );
}

/** The tokens that the person may manage, of one workspace or of all. */
export async function listRemoteTokens(
  context: CliContext,
  options: { workspace?: string; all?: boolean },
): Promise<void> {
  const workspace = options.workspace === undefined ? undefined : await chooseWorkspace(context, options.workspace);
  const query = { workspace_id: workspace?.id, include_revoked: options.all ? 'true' : undefined };
  const tokens = await context.api.call('/api/codex/tokens', remoteTokensSchema, { query });
  const rows = tokens.map((each) => [
    each.id,
    each.name,
    each.revoked_at ? `revoked ${each.revoked_at}` : `until ${each.expires_at}`,
    each.last_used_at ?? 'never',
  ]);
  context.out.result(tokens, table(['ID', 'NAME', 'GOOD', 'LAST USED'], rows, 'There are no remote tokens.'));
}

/** Ends a remote token; ending it again is fine. */
export async function revokeRemoteToken({ api, out }: CliContext, id: string): Promise<void> {
  await api.send(`/api/codex/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' });
  out.result({ id, is_revoked: true }, `Remote token ${printable(id)} is revoked.`);
}
