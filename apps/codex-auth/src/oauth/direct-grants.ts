import { randomUUID } from 'node:crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { isPublic, type OAuthClient } from './clients.ts';
import { insertGrantWithTokens } from './grant-store.ts';
import { newTokens, type TokenLifetimes, tokenTimes } from './new-tokens.ts';
import { OAuthError } from './oauth-error.ts';
import type { TokenResponse, TokenResponses } from './token-response.ts';

/** What a person approved without an authorization code in between. */
export interface DirectApproval {
  readonly client: OAuthClient;
  readonly userId: string;
  readonly scope: string;
  readonly authenticatedAt: Date | undefined;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/** Issues the tokens of an approval that a client has just redeemed. */
export class DirectGrants {
  readonly #clock: Clock;
  readonly #responses: Pick<TokenResponses, 'of'>;
  readonly #lifetimes: TokenLifetimes;

  constructor(deps: { clock: Clock; responses: Pick<TokenResponses, 'of'>; lifetimes: TokenLifetimes }) {
    this.#clock = deps.clock;
    this.#responses = deps.responses;
    this.#lifetimes = deps.lifetimes;
  }

  /**
   * @param tx - the transaction that spends what the tokens are issued for
   * @throws {OAuthError} invalid_grant when the user has been disabled
   */
  async issue(tx: Queryable, { client, ...approved }: DirectApproval): Promise<TokenResponse> {
    const tokens = newTokens();
    const times = tokenTimes(this.#clock, this.#lifetimes);
    const issueRefreshToken = client.grantTypes.includes('refresh_token');
    const approval = {
      grantId: randomUUID(),
      clientId: client.clientId,
      clientIsPublic: isPublic(client),
      ...approved,
      issueRefreshToken,
    };
    const grant = await insertGrantWithTokens(tx, approval, { ...times, ...tokens.digests });
    if (!grant) throw new OAuthError('invalid_grant', 'the approval is not valid', { reason: 'the user is disabled' });
    const { jti, refreshToken } = tokens;
    const { issuedAtSeconds } = times;
    return this.#responses.of(grant, {
      jti,
      issuedAtSeconds,
      refreshToken: issueRefreshToken ? refreshToken : undefined,
    });
  }
}
