/** What a person needs to start the executor of a new connector. */
export interface ExecutorSetup {
  /** To export before the command; one of them is a secret. */
  readonly environment: Readonly<Record<string, string>>;
  readonly command: string;
}

/**
 * How Codex CLI 0.148 and later start an executor with an Agent Identity (docs/protocol.md, "Agent identity").
 * @param issuer - codex-auth's public base
 * @param execGatewayUrl - exec-gateway's public base
 */
export function executorSetup(
  { exeId, agentIdentityJwt }: { exeId: string; agentIdentityJwt: string },
  { issuer, execGatewayUrl }: { issuer: string; execGatewayUrl: string },
): ExecutorSetup {
  return {
    environment: {
      CODEX_ACCESS_TOKEN: agentIdentityJwt,
      CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: issuer,
      CODEX_AGENT_IDENTITY_JWKS_BASE_URL: issuer,
    },
    command: `codex exec-server --remote ${execGatewayUrl} --environment-id ${exeId} --use-agent-identity-auth`,
  };
}
