import { identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { RemoteTokens } from './remote-tokens.ts';

/** `DELETE /api/codex/tokens/{id}`: 204, also for a token that is revoked already. */
export function revokeTokenRoute({ remoteTokens }: { remoteTokens: Pick<RemoteTokens, 'revoke'> }): RequestHandler {
  return async (req, res) => {
    const id = parseInput(identifier, req.params.id);
    await remoteTokens.revoke({ id, userId: currentUser(res).userId, origin: requestOrigin(req) });
    res.status(204).end();
  };
}
