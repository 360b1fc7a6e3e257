import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { VARIABLES } from '../config.ts';
import { refusal } from '../http/api-client.ts';

/** Ends a turn everywhere, as an operator: with the gateways' shared secret, at codex-exec-gateway itself. */
export async function revokeTurn(context: CliContext, turnId: string, options: { for?: number }): Promise<void> {
  const { execGatewayUrl, env } = context.settings;
  if (execGatewayUrl === undefined) {
    throw usageError(`where is codex-exec-gateway? Give --exec-gateway or set ${VARIABLES.execGatewayUrl}`);
  }
  if (env.execSharedSecret === undefined) {
    throw usageError(`set ${VARIABLES.execSharedSecret} to the secret that codex-exec-gateway has under that name`);
  }
  const exp = options.for === undefined ? {} : { exp: Math.floor((Date.now() + options.for) / 1000) };
  const answer = await context.exchange(`${execGatewayUrl}/api/exec-gateway/revoke-turn`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${env.execSharedSecret}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ turn_id: turnId, ...exp }),
  });
  if (!answer.ok) throw await refusal(answer);
  context.out.result({ turn_id: turnId, is_revoked: true }, `Turn ${printable(turnId)} is revoked.`);
}
