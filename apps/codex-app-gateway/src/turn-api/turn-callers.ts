import { constantTimeEqual } from '@codex-gateways/crypto';
import { bearerOf, HttpError } from '@codex-gateways/service';
import type { Request } from 'express';
import { type AccessTokenVerifier, isAccessToken } from '../authentication/access-token-verifier.ts';
import { type Authenticator, type Caller, isCallerId } from '../authentication/authenticator.ts';
import type { TurnRequest } from './turn-schemas.ts';

export interface TurnCallersDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Undefined where nobody knows of access tokens. */
  readonly accessTokens: AccessTokenVerifier | undefined;
  /** Undefined: that way is closed. */
  readonly internalSecret: string | undefined;
}

/** Who asks for a turn, as far as it can be told before anything of the request's body is read. */
export type Asking =
  | { readonly kind: 'service' }
  | { readonly kind: 'access_token'; readonly token: string; readonly verifier: AccessTokenVerifier }
  | { readonly kind: 'remote_token'; readonly token: string; readonly caller: Caller };

/** Decides for whom a turn is run. */
export class TurnCallers {
  readonly #deps: TurnCallersDeps;

  constructor(deps: TurnCallersDeps) {
    this.#deps = deps;
  }

  /**
   * @throws {HttpError} 401
   * @throws {ServiceUnavailableError} when the token could not be verified
   */
  async whoAsks({ headers }: Pick<Request, 'headers'>): Promise<Asking> {
    const { authenticator, accessTokens: verifier, internalSecret } = this.#deps;
    const secret = headers['x-internal-secret'];
    if (secret !== undefined) {
      if (internalSecret === undefined || !constantTimeEqual(String(secret), internalSecret)) throw unauthorized();
      return { kind: 'service' };
    }
    const token = bearerOf(headers.authorization);
    if (token === undefined) throw unauthorized();
    if (verifier && isAccessToken(token)) {
      if (!(await verifier.isLive(token))) throw unauthorized();
      return { kind: 'access_token', token, verifier };
    }
    const outcome = await authenticator.authenticate(token);
    if (outcome.kind !== 'authenticated') throw unauthorized();
    return { kind: 'remote_token', token, caller: outcome.caller };
  }

  /**
   * @throws {HttpError} 401, 403, 400
   * @throws {ServiceUnavailableError} when the token could not be verified
   */
  async callerOf(asking: Asking, request: TurnRequest): Promise<Caller> {
    if (asking.kind === 'service') return callerNamed(request);
    const caller = asking.kind === 'remote_token' ? asking.caller : await callerInWorkspace(asking, request);
    const { workspace_id: workspaceId, user_id: userId } = request;
    if ((workspaceId ?? caller.workspaceId) !== caller.workspaceId || (userId ?? caller.userId) !== caller.userId) {
      throw new HttpError(403, 'forbidden', 'the bearer is of another workspace or user');
    }
    return caller;
  }
}

async function callerInWorkspace(
  { token, verifier }: Extract<Asking, { kind: 'access_token' }>,
  { workspace_id: workspaceId }: TurnRequest,
): Promise<Caller> {
  if (!isCallerId(workspaceId)) {
    throw new HttpError(400, 'invalid_request', 'workspace_id is needed with an access token, and is an id');
  }
  const caller = await verifier.verify(token, workspaceId);
  if (!caller) throw unauthorized();
  return caller;
}

function callerNamed({ workspace_id: workspaceId, user_id: userId }: TurnRequest): Caller {
  if (!isCallerId(workspaceId) || (userId !== undefined && !isCallerId(userId))) {
    throw new HttpError(400, 'invalid_request', 'workspace_id is needed with X-Internal-Secret, and both ids are ids');
  }
  return { workspaceId, ...(userId === undefined ? {} : { userId }) };
}

function unauthorized(): HttpError {
  return new HttpError(401, 'unauthorized', 'a remote or access token is needed as bearer, or X-Internal-Secret', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}
