import { type CodexVersion, generationOf, parseCodexVersion } from './generations.ts';

const SETUP = {
  exeId: 'exe_1',
  issuer: 'https://auth.example',
  execGatewayUrl: 'https://exec.example',
  agentIdentityJwt: 'jwt',
};

describe('generations of the Codex CLI (docs/protocol.md, "Agent identity")', () => {
  it.each<[CodexVersion, string, string[]]>([
    [[0, 132, 0], '--executor-id', ['-c']],
    [[0, 133, 0], '--environment-id', ['--use-agent-identity-auth', '-c']],
    [[0, 140, 0], '--environment-id', ['--use-agent-identity-auth', '-c']],
    [[0, 141, 9], '--environment-id', ['--use-agent-identity-auth', '-c']],
    [[0, 148, 0], '--environment-id', ['--use-agent-identity-auth']],
    [[0, 169, 0], '--environment-id', ['--use-agent-identity-auth']],
    [[1, 0, 0], '--environment-id', ['--use-agent-identity-auth']],
  ])('%j names the executor with %s', (version, idOption, more) => {
    const start = generationOf(version)?.start?.(SETUP);
    expect(start?.args.slice(0, 5)).toEqual(['exec-server', '--remote', SETUP.execGatewayUrl, idOption, 'exe_1']);
    expect(start?.args.slice(5).filter((each) => each.startsWith('-'))).toEqual(more);
  });

  it('before 0.142 takes the issuer from its configuration, from 0.148 on from the environment', () => {
    expect(generationOf([0, 140, 0])?.start?.(SETUP).args.at(-1)).toBe(
      'chatgpt_base_url="https://auth.example/backend-api"',
    );
    expect(generationOf([0, 169, 0])?.start?.(SETUP).environment).toEqual({
      CODEX_ACCESS_TOKEN: 'jwt',
      CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: 'https://auth.example',
      CODEX_AGENT_IDENTITY_JWKS_BASE_URL: 'https://auth.example',
    });
  });

  it.each<CodexVersion>([
    [0, 142, 0],
    [0, 147, 5],
  ])('%j.%j.%j has no working Agent Identity', (...version) => {
    expect(generationOf(version)).toMatchObject({ hasAgentIdentity: false });
  });

  it('before 0.132 is unknown', () => {
    expect(generationOf([0, 131, 9])).toBeUndefined();
  });

  it('is read from what --version prints', () => {
    expect(parseCodexVersion('codex-cli 0.169.0\n')).toEqual([0, 169, 0]);
    expect(parseCodexVersion('0.140.0')).toEqual([0, 140, 0]);
    expect(parseCodexVersion('codex')).toBeUndefined();
  });
});
