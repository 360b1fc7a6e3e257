import { type SigningKey, signRs256 } from './jws.ts';

/** Fixed by the Codex CLI, which refuses any other (docs/protocol.md). */
export const AGENT_IDENTITY_ISSUER = 'https://chatgpt.com/codex-backend/agent-identity';
/** Fixed by the Codex CLI, which refuses any other (docs/protocol.md). */
export const AGENT_IDENTITY_AUDIENCE = 'codex-app-server';

/** Whom an executor acts for. */
export interface AgentIdentitySubject {
  /** Equal to the `exe_id` of the executor. */
  readonly agentRuntimeId: string;
  readonly privatePkcs8: Uint8Array;
  readonly workspaceId: string;
  readonly userId: string;
  readonly email: string;
  readonly planType: string;
}

/**
 * Builds the Agent Identity JWT that `codex exec-server --use-agent-identity-auth` takes as `CODEX_ACCESS_TOKEN`. It
 * carries the agent's private key, so it is a secret, shown once and never stored. Every claim is required by the CLI.
 */
export async function buildAgentIdentityJwt(
  key: SigningKey,
  subject: AgentIdentitySubject,
  { nowSeconds, expiresAtSeconds }: { nowSeconds: number; expiresAtSeconds: number },
): Promise<string> {
  return signRs256(key, {
    iss: AGENT_IDENTITY_ISSUER,
    aud: AGENT_IDENTITY_AUDIENCE,
    iat: nowSeconds,
    exp: expiresAtSeconds,
    agent_runtime_id: subject.agentRuntimeId,
    agent_private_key: Buffer.from(subject.privatePkcs8).toString('base64'),
    account_id: subject.workspaceId,
    chatgpt_user_id: subject.userId,
    email: subject.email,
    plan_type: subject.planType,
    chatgpt_account_is_fedramp: false,
  });
}
