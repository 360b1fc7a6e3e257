import type { AuthorizationCodes } from '../authorization-codes.ts';
import { required } from '../parameters.ts';
import type { GrantHandler } from './grant-handler.ts';

/** `grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export function authorizationCodeGrant({ codes }: { codes: Pick<AuthorizationCodes, 'redeem'> }): GrantHandler {
  return (client, parameters, origin) => {
    const presented = {
      code: required(parameters, 'code'),
      redirectUri: required(parameters, 'redirect_uri'),
      codeVerifier: required(parameters, 'code_verifier'),
    };
    return codes.redeem(client, presented, origin);
  };
}
