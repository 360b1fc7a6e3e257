import { narrowerScope } from '../granted-scope.ts';
import { required } from '../parameters.ts';
import type { RefreshTokens } from '../refresh-tokens.ts';
import type { GrantHandler } from './grant-handler.ts';

/** `grant_type=refresh_token` (RFC 6749 §6). */
export function refreshTokenGrant({ refreshTokens }: { refreshTokens: Pick<RefreshTokens, 'refresh'> }): GrantHandler {
  return (client, parameters, origin) => {
    const scope = narrowerScope(parameters.get('scope'));
    const request = { refreshToken: required(parameters, 'refresh_token'), scope };
    return refreshTokens.refresh(client, request, origin);
  };
}
