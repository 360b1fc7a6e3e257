import { sha256 } from '@codex-gateways/crypto';
import { type Pool, transaction } from '@codex-gateways/database';
import { type Clock, continueTrace } from '@codex-gateways/service';
import type { OAuthClient } from '../oauth/clients.ts';
import type { DirectGrants } from '../oauth/direct-grants.ts';
import type { GrantHandler } from '../oauth/grants/grant-handler.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import { required } from '../oauth/parameters.ts';
import type { TokenResponse } from '../oauth/token-response.ts';
import { exchangeDeviceCode, lengthenInterval, type PolledLogin, pollDeviceCode } from './device-code-store.ts';

export interface DeviceCodeGrantDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly directGrants: Pick<DirectGrants, 'issue'>;
}

/** A poll may be this much early: timers of clients and the network are not exact. */
const EARLY_TOLERANCE_MS = 1000;

/** `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4, §3.5). */
export function deviceCodeGrant(deps: DeviceCodeGrantDeps): GrantHandler {
  return async (client, parameters) => {
    const { pool, clock } = deps;
    const deviceCodeDigest = sha256(required(parameters, 'device_code'));
    const now = clock.now();
    const login = await pollDeviceCode(pool, { deviceCodeDigest, clientId: client.clientId, now });
    if (!login) throw refused('unknown, or of another client');
    if (login.expiresAt <= now) throw new OAuthError('expired_token', 'the device code has expired');
    if (login.status === 'pending') throw await pending(login, { deviceCodeDigest, now, pool });
    if (login.status === 'denied') throw new OAuthError('access_denied', 'the person said no');
    if (login.status === 'exchanged') throw refused('used before');
    return exchange(client, { deviceCodeDigest, now, ...deps });
  };
}

async function pending(
  { lastPolledAt, intervalSeconds }: PolledLogin,
  { deviceCodeDigest, now, pool }: { deviceCodeDigest: Buffer; now: Date; pool: Pool },
): Promise<OAuthError> {
  const mayPollAtMs = (lastPolledAt?.getTime() ?? 0) + intervalSeconds * 1000 - EARLY_TOLERANCE_MS;
  if (now.getTime() >= mayPollAtMs) return new OAuthError('authorization_pending', 'the person has not decided yet');
  await lengthenInterval(pool, deviceCodeDigest);
  return new OAuthError('slow_down', 'ask less often, five seconds more between two times');
}

async function exchange(
  client: OAuthClient,
  { pool, directGrants, deviceCodeDigest, now }: DeviceCodeGrantDeps & { deviceCodeDigest: Buffer; now: Date },
): Promise<TokenResponse> {
  const response = await transaction(pool, async (tx) => {
    const login = await exchangeDeviceCode(tx, { deviceCodeDigest, flow: 'rfc8628', now });
    if (!login) return undefined;
    return continueTrace(login.traceparent, 'exchange device code', () => directGrants.issue(tx, { client, ...login }));
  });
  if (!response) throw refused('another poll was first');
  return response;
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'the device code is not valid', { reason });
}
