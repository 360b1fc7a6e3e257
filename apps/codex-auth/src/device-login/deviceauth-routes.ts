import { HttpError, parseInput } from '@codex-gateways/service';
import express, { Router } from 'express';
import { z } from 'zod';
import { requestOrigin } from '../audit/request-origin.ts';
import { type Clients, DEVICE_CODE_GRANT, isPublic } from '../oauth/clients.ts';
import { grantedScope } from '../oauth/granted-scope.ts';
import type { DeviceLogins } from './device-logins.ts';

export interface DeviceauthRouteDeps {
  readonly clients: Pick<Clients, 'find'>;
  readonly deviceLogins: Pick<DeviceLogins, 'start' | 'pollCli'>;
  readonly maxBodyBytes: number;
}

/** The CLI asks as often as it is told, and has no `slow_down`; a second makes the login feel immediate. */
const CLI_POLL_INTERVAL_SECONDS = 1;

const usercodeSchema = z.object({ client_id: z.string().min(1).max(128) });
const tokenSchema = z.object({ device_auth_id: z.string().max(128), user_code: z.string().max(64) });

/** The Codex CLI's own device login, `POST /api/accounts/deviceauth/usercode` and `…/token` (docs/protocol.md). */
export function deviceauthRoutes({ clients, deviceLogins, maxBodyBytes }: DeviceauthRouteDeps): Router {
  const router = Router();
  const jsonBody = express.json({ limit: maxBodyBytes });
  router.post('/api/accounts/deviceauth/usercode', jsonBody, async (req, res) => {
    const client = await clients.find(parseInput(usercodeSchema, req.body).client_id);
    if (!client || !isPublic(client) || !client.grantTypes.includes(DEVICE_CODE_GRANT)) {
      throw new HttpError(400, 'invalid_client', 'this client may not log in with a device code');
    }
    const { deviceCode, userCode } = await deviceLogins.start({
      client,
      flow: 'codex_cli',
      scope: grantedScope(client, undefined),
      intervalSeconds: CLI_POLL_INTERVAL_SECONDS,
      origin: requestOrigin(req),
      userAgent: req.headers['user-agent'],
    });
    res.set('Cache-Control', 'no-store');
    res.json({ device_auth_id: deviceCode, user_code: userCode, interval: String(CLI_POLL_INTERVAL_SECONDS) });
  });
  router.post('/api/accounts/deviceauth/token', jsonBody, async (req, res) => {
    const { device_auth_id: deviceCode, user_code: userCode } = parseInput(tokenSchema, req.body);
    const outcome = await deviceLogins.pollCli({ deviceCode, userCode });
    // 403 is how the CLI is told to go on asking; anything else ends its login.
    if (outcome.kind === 'pending') throw new HttpError(403, 'authorization_pending', 'nobody has decided yet');
    if (outcome.kind === 'over') throw new HttpError(400, 'invalid_grant', 'the code was denied, used, or has expired');
    res.set('Cache-Control', 'no-store').json({
      authorization_code: outcome.authorizationCode,
      code_challenge: outcome.codeChallenge,
      code_verifier: outcome.codeVerifier,
    });
  });
  return router;
}
