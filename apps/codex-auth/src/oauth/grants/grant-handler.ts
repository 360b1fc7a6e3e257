import type { RequestOrigin } from '../../audit/request-origin.ts';
import type { OAuthClient } from '../clients.ts';
import type { Parameters } from '../parameters.ts';
import type { TokenResponse } from '../token-response.ts';

/** One `grant_type` of the token endpoint; the client is authenticated, and may use it. */
export type GrantHandler = (
  client: OAuthClient,
  parameters: Parameters,
  origin: RequestOrigin,
) => Promise<TokenResponse>;
