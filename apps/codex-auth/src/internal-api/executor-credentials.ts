import { identifier } from '@codex-gateways/service';
import type { AgentTasks } from '../agent-identity/agent-tasks.ts';
import type { AccessTokens } from '../oauth/access-tokens.ts';
import { API_SCOPE, isBuiltInClient } from '../oauth/scopes.ts';

/** What an executor presented to exec-gateway, and the `ChatGPT-Account-ID` (a workspace) it claimed, if any. */
export type ExecutorCredential =
  | { readonly scheme: 'bearer'; readonly token: string; readonly accountId: string | undefined }
  | { readonly scheme: 'agent_assertion'; readonly assertion: string; readonly accountId: string | undefined };

/** `reason` is for logs alone. */
export type CredentialOutcome =
  | { readonly ok: true; readonly userId: string }
  | { readonly ok: false; readonly reason: string };

export interface ExecutorCredentialsDeps {
  readonly accessTokens: Pick<AccessTokens, 'authenticate'>;
  readonly agentTasks: Pick<AgentTasks, 'authenticate'>;
}

/** What a client other than the CLI needs for its user's token to attach an executor. */
const EXECUTOR_SCOPES: ReadonlySet<string> = new Set(['api.connectors.invoke', API_SCOPE]);

/** Says whose a credential is, in either of the forms that executors use. */
export class ExecutorCredentials {
  readonly #deps: ExecutorCredentialsDeps;

  constructor(deps: ExecutorCredentialsDeps) {
    this.#deps = deps;
  }

  async validate(credential: ExecutorCredential): Promise<CredentialOutcome> {
    const { accountId } = credential;
    // It comes from a header, so it may hold anything; only an id can be somebody's.
    if (accountId !== undefined && !identifier.safeParse(accountId).success) {
      return { ok: false, reason: 'malformed_account' };
    }
    return credential.scheme === 'bearer' ? this.#validateBearer(credential) : this.#validateAssertion(credential);
  }

  async #validateBearer({
    token,
    accountId,
  }: {
    token: string;
    accountId: string | undefined;
  }): Promise<CredentialOutcome> {
    const access = await this.#deps.accessTokens.authenticate(token, { accountId });
    if (!access) return { ok: false, reason: 'access_token_not_live' };
    const { userId, clientId, scope, isMemberOfAccount } = access;
    // A person who let some client know their name has not let it bring machines into their workspace.
    const mayAttachExecutors = isBuiltInClient(clientId) || scope.split(' ').some((one) => EXECUTOR_SCOPES.has(one));
    if (!mayAttachExecutors) return { ok: false, reason: 'insufficient_scope' };
    if (!isMemberOfAccount) return { ok: false, reason: 'not_a_member_of_the_account' };
    return { ok: true, userId };
  }

  async #validateAssertion({
    assertion,
    accountId,
  }: {
    assertion: string;
    accountId: string | undefined;
  }): Promise<CredentialOutcome> {
    const outcome = await this.#deps.agentTasks.authenticate(assertion);
    if (!outcome.ok) return outcome;
    if (accountId !== undefined && accountId !== outcome.workspaceId) return { ok: false, reason: 'other_account' };
    return { ok: true, userId: outcome.userId };
  }
}
