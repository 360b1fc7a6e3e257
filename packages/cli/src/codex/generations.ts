/** A version of the Codex CLI, as `codex --version` tells it. */
export type CodexVersion = readonly [major: number, minor: number, patch: number];

/** How a generation starts an executor with an Agent Identity (docs/protocol.md, "Agent identity"). */
export interface Generation {
  readonly needs: string;
  /** False where no way is known. */
  readonly hasAgentIdentity: boolean;
  /** What follows `codex`, and the variables to set. */
  readonly start?: (setup: ExecutorSetup) => ExecutorStart;
}

export interface ExecutorSetup {
  readonly exeId: string;
  /** codex-auth's public base. */
  readonly issuer: string;
  readonly execGatewayUrl: string;
  readonly agentIdentityJwt: string;
}

export interface ExecutorStart {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const GENERATIONS: readonly { readonly since: CodexVersion; readonly generation: Generation }[] = [
  {
    since: [0, 148, 0],
    generation: {
      needs: 'CODEX_AGENT_IDENTITY_JWKS_BASE_URL and CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL, and no chatgpt_base_url',
      hasAgentIdentity: true,
      start: (setup) => ({
        args: [...remoteArgs(setup, '--environment-id'), '--use-agent-identity-auth'],
        environment: { ...identity(setup), CODEX_AGENT_IDENTITY_JWKS_BASE_URL: setup.issuer },
      }),
    },
  },
  {
    since: [0, 142, 0],
    generation: {
      needs:
        'another version: 0.142 to 0.147 accept Agent Identities of their vendor only (a device login still works)',
      hasAgentIdentity: false,
    },
  },
  { since: [0, 133, 0], generation: olderGeneration('--environment-id', ['--use-agent-identity-auth']) },
  { since: [0, 132, 0], generation: olderGeneration('--executor-id', []) },
];

/** @returns undefined for versions before 0.132, of which nothing is known */
export function generationOf(version: CodexVersion): Generation | undefined {
  return GENERATIONS.find(({ since }) => compare(version, since) >= 0)?.generation;
}

/** Reads `codex-cli 0.169.0` or `0.169.0`. */
export function parseCodexVersion(text: string): CodexVersion | undefined {
  const [, major, minor, patch] = /\b(\d{1,4})\.(\d{1,5})\.(\d{1,5})\b/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

function olderGeneration(idOption: string, more: readonly string[]): Generation {
  return {
    needs: `CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL and -c chatgpt_base_url, and ${idOption} for the executor`,
    hasAgentIdentity: true,
    start: (setup) => ({
      args: [...remoteArgs(setup, idOption), ...more, '-c', `chatgpt_base_url="${setup.issuer}/backend-api"`],
      environment: identity(setup),
    }),
  };
}

function remoteArgs({ exeId, execGatewayUrl }: ExecutorSetup, idOption: string): string[] {
  return ['exec-server', '--remote', execGatewayUrl, idOption, exeId];
}

function identity({ agentIdentityJwt, issuer }: ExecutorSetup): Record<string, string> {
  return { CODEX_ACCESS_TOKEN: agentIdentityJwt, CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: issuer };
}

function compare(left: CodexVersion, right: CodexVersion): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
