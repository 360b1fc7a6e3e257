import { type RequestHandler, Router } from 'express';
import { requestOrigin } from '../audit/request-origin.ts';
import type { ClientAuthentication } from '../oauth/client-authentication.ts';
import { DEVICE_CODE_GRANT } from '../oauth/clients.ts';
import { grantedScope } from '../oauth/granted-scope.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import { bodyParameters } from '../oauth/parameters.ts';
import type { DeviceLogins } from './device-logins.ts';

export interface DeviceAuthorizationRouteDeps {
  readonly clientAuthentication: Pick<ClientAuthentication, 'authenticate'>;
  readonly deviceLogins: Pick<DeviceLogins, 'start'>;
  readonly issuer: string;
  readonly pollIntervalSeconds: number;
  readonly oauthBody: RequestHandler;
}

/** `POST /oauth/device_authorization` (RFC 8628 §3.1, §3.2). */
export function deviceAuthorizationRoutes(deps: DeviceAuthorizationRouteDeps): Router {
  const { clientAuthentication, deviceLogins, issuer, pollIntervalSeconds, oauthBody } = deps;
  const router = Router();
  router.post('/oauth/device_authorization', oauthBody, async (req, res) => {
    const parameters = bodyParameters(req);
    const client = await clientAuthentication.authenticate(req, parameters);
    if (!client.grantTypes.includes(DEVICE_CODE_GRANT)) {
      throw new OAuthError('unauthorized_client', 'the client may not use device codes');
    }
    const { deviceCode, userCode, expiresInSeconds } = await deviceLogins.start({
      client,
      flow: 'rfc8628',
      scope: grantedScope(client, parameters.get('scope')),
      intervalSeconds: pollIntervalSeconds,
      origin: requestOrigin(req),
      userAgent: req.headers['user-agent'],
    });
    const verificationUri = `${issuer}/codex/device`;
    res.set('Cache-Control', 'no-store').json({
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: verificationUri,
      verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
      expires_in: expiresInSeconds,
      interval: pollIntervalSeconds,
    });
  });
  return router;
}
