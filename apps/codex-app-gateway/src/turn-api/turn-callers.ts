import { constantTimeEqual } from '@codex-gateways/crypto';
import { bearerOf, HttpError } from '@codex-gateways/service';
import type { Request } from 'express';
import { type Authenticator, type Caller, isCallerId } from '../authentication/authenticator.ts';
import type { TurnRequest } from './turn-schemas.ts';

/** Decides for whom a turn is run. */
export class TurnCallers {
  readonly #authenticator: Pick<Authenticator, 'authenticate'>;
  readonly #internalSecret: string | undefined;

  /** @param internalSecret - undefined: that way is closed */
  constructor(authenticator: Pick<Authenticator, 'authenticate'>, internalSecret: string | undefined) {
    this.#authenticator = authenticator;
    this.#internalSecret = internalSecret;
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
    const outcome = await this.#authenticator.authenticate(token);
    if (outcome.kind !== 'authenticated') throw unauthorized();
    const { workspace_id: workspaceId, user_id: userId } = request;
    const { caller } = outcome;
    if ((workspaceId ?? caller.workspaceId) !== caller.workspaceId || (userId ?? caller.userId) !== caller.userId) {
      throw new HttpError(403, 'forbidden', 'the bearer is of another workspace or user');
    }
    return caller;
  }

  #trusted(secret: string, { workspace_id: workspaceId, user_id: userId }: TurnRequest): Caller {
    if (this.#internalSecret === undefined || !constantTimeEqual(secret, this.#internalSecret)) throw unauthorized();
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
  return new HttpError(401, 'unauthorized', 'a remote token is needed as bearer, or X-Internal-Secret', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}
