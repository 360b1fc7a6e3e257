import { required } from '../parameters.ts';
import type { RefreshTokens } from '../refresh-tokens.ts';
import type { GrantHandler } from './grant-handler.ts';

/** `grant_type=refresh_token` (RFC 6749 §6). */
export function refreshTokenGrant({ refreshTokens }: { refreshTokens: Pick<RefreshTokens, 'refresh'> }): GrantHandler {
  return (client, parameters, origin) => {
    const request = { refreshToken: required(parameters, 'refresh_token'), scope: parameters.get('scope') };
    return refreshTokens.refresh(client, request, origin);
  };
}
