import { identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Connectors } from './connectors.ts';

/** `DELETE /api/codex/connectors/{exe_id}`: 204, also when it was removed before and when exec-gateway follows later. */
export function removeConnectorRoute({ connectors }: { connectors: Pick<Connectors, 'remove'> }): RequestHandler {
  return async (req, res) => {
    const exeId = parseInput(identifier, req.params.exeId);
    await connectors.remove({ exeId, userId: currentUser(res).userId, origin: requestOrigin(req) });
    res.status(204).end();
  };
}
