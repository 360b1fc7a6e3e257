import { bearerOf, continueTrace, HttpError } from '@codex-gateways/service';
import type { TurnGuard } from '../revocation/turn-guard.ts';
import type { Upgrade } from '../web-sockets.ts';
import { bridgePermission } from './admit-harness.ts';
import { type JoinServices, joinExecutor } from './join-executor.ts';

/**
 * ws `/bridge/{exe_id}?role=harness`: an app-server's way to an executor. Its permission is a bearer or, since the CLI sends no
 * headers here, the parameter `token`.
 */
export function bridgeSocketRoute(
  services: JoinServices & { readonly turnGuard: Pick<TurnGuard, 'bridgePermission'> },
): (upgrade: Upgrade) => Promise<void> {
  return async (upgrade) => {
    const { req, exeId, query } = upgrade;
    const tokens = query.getAll('token');
    const shown = { bearer: bearerOf(req.headers.authorization), token: tokens.length === 1 ? tokens[0] : undefined };
    const permission = bridgePermission({ exeId, ...shown }, services.turnGuard);
    if (query.getAll('role').some((role) => role !== 'harness')) {
      throw new HttpError(400, 'invalid_request', 'a bridge is opened with role=harness, which makes frames binary');
    }
    await continueTrace(permission.traceparent, 'open bridge', () => joinExecutor(upgrade, permission, services));
  };
}
