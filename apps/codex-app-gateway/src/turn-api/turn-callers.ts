import { constantTimeEqual } from '@codex-gateways/crypto';
import { bearerOf, HttpError } from '@codex-gateways/service';
import type { Request } from 'express';
import { type AccessTokenVerifier, isAccessToken } from '../authentication/access-token-verifier.ts';
import { type Authenticator, type Caller, isCallerId } from '../authentication/authenticator.ts';
import type { TurnRequest } from './turn-schemas.ts';

export interface TurnCallersDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Undefined where nobody knows of access tokens. */
  readonly accessTokens: Pick<AccessTokenVerifier, 'verify'> | undefined;
  /** Undefined: that way is closed. */
  readonly internalSecret: string | undefined;
}

/** Decides for whom a turn is run. */
export class TurnCallers {
  readonly #deps: TurnCallersDeps;

  constructor(deps: TurnCallersDeps) {
    this.#deps = deps;
  }

  /**
   * @throws {HttpError} 401, 403, 400
   * @throws {ServiceUnavailableError} when the token could not be verified
   */
  async callerOf(req: Request, request: TurnRequest): Promise<Caller> {
    const secret = req.headers['x-internal-secret'];
    if (secret !== undefined) return this.#trusted(String(secret), request);
    const token = bearerOf(req.headers.authorization);
    if (token === undefined) throw unauthorized();
    const caller = await this.#callerBehind(token, request);
    const { workspace_id: workspaceId, user_id: userId } = request;
    if ((workspaceId ?? caller.workspaceId) !== caller.workspaceId || (userId ?? caller.userId) !== caller.userId) {
      throw new HttpError(403, 'forbidden', 'the bearer is of another workspace or user');
    }
    return caller;
  }

  async #callerBehind(token: string, { workspace_id: workspaceId }: TurnRequest): Promise<Caller> {
    const { authenticator, accessTokens } = this.#deps;
    if (accessTokens && isAccessToken(token)) {
      if (!isCallerId(workspaceId)) {
        throw new HttpError(400, 'invalid_request', 'workspace_id is needed with an access token, and is an id');
      }
      const caller = await accessTokens.verify(token, workspaceId);
      if (!caller) throw unauthorized();
      return caller;
    }
    const outcome = await authenticator.authenticate(token);
    if (outcome.kind !== 'authenticated') throw unauthorized();
    return outcome.caller;
  }

  #trusted(secret: string, { workspace_id: workspaceId, user_id: userId }: TurnRequest): Caller {
    const { internalSecret } = this.#deps;
    if (internalSecret === undefined || !constantTimeEqual(secret, internalSecret)) throw unauthorized();
    if (!isCallerId(workspaceId) || (userId !== undefined && !isCallerId(userId))) {
      throw new HttpError(
        400,
        'invalid_request',
        'workspace_id is needed with X-Internal-Secret, and both ids are ids',
      );
    }
    return { workspaceId, ...(userId === undefined ? {} : { userId }) };
  }
}

function unauthorized(): HttpError {
  return new HttpError(401, 'unauthorized', 'a remote or access token is needed as bearer, or X-Internal-Secret', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}
