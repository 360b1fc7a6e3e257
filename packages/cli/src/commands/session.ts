import { accessTokenEnvVar, printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { CliError } from '../cli-error.ts';
import { ExitCode } from '../exit-code.ts';
import { meSchema } from './wire.ts';
import { listWorkspaces } from './workspace.ts';

/** Revokes the sign-in and forgets it here, the latter whatever happens to the former. */
export async function logout(context: CliContext): Promise<void> {
  const { server, source, out } = context;
  const { wasSignedIn, isRevoked, reason } = await source.signOut();
  if (wasSignedIn && !isRevoked) {
    out.note(`warning: ${server} was not told (${reason}); the refresh token there lives on until it expires`);
  }
  const text = wasSignedIn ? `Signed out of ${server}.` : `Nobody was signed in at ${server}.`;
  out.result({ server, was_signed_in: wasSignedIn, is_revoked: isRevoked }, text);
}

/** Who is signed in, and where. */
export async function whoami(context: CliContext): Promise<void> {
  const { server, source, out, settings, api } = context;
  const { expiresAt } = await source.accessToken();
  const [user, workspaces] = await Promise.all([api.call('/api/me', meSchema), listWorkspaces(context)]);
  const secrets = settings.entry.secrets ?? 'file';
  const lines = [
    `${printable(user.email)} (${user.id}) at ${server}`,
    ...workspaces.map(({ id, name, role }) => `  workspace ${printable(name)} (${id}), ${printable(role)}`),
    `  access token until ${expiresAt.toISOString()}, tokens in ${context.secrets(secrets).description}`,
  ];
  out.result({ server, user, workspaces, access_token_expires_at: expiresAt.toISOString(), secrets }, lines.join('\n'));
}

/** Prints an access token that is good for a while, refreshing it first when need be. */
export async function token(context: CliContext, options: { header?: boolean; envVar?: boolean }): Promise<void> {
  const { server, source, out } = context;
  if (options.envVar) {
    const name = accessTokenEnvVar(server, server);
    out.result({ env_var: name }, name);
    return;
  }
  const { accessToken, expiresAt } = await source.accessToken();
  // A cache that something else has written into must not add headers of its own.
  if (!/^[\x21-\x7e]+$/.test(accessToken)) {
    throw new CliError(ExitCode.failure, 'unexpected_answer', 'the access token is not one');
  }
  out.result(
    { access_token: accessToken, token_type: 'Bearer', expires_at: expiresAt.toISOString() },
    options.header ? `Authorization: Bearer ${accessToken}` : accessToken,
  );
}
