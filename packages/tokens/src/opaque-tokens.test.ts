import { generateEd25519Key } from '@codex-gateways/crypto';
import fc from 'fast-check';
import {
  mintAgentAssertion,
  parseAgentAssertion,
  verifyAgentAssertion,
  verifyTaskRegistration,
} from './agent-assertion.ts';
import { codeChallengeOf, isCodeChallenge, isCodeVerifier, mintCodeVerifier } from './pkce.ts';
import { isRefreshToken, mintRefreshToken, successorOfRefreshToken } from './refresh-token.ts';
import { mintRemoteToken, parseRemoteToken } from './remote-token.ts';
import { mintUserCode, normalizeUserCode } from './user-code.ts';

describe('refresh token', () => {
  const derivationKey = Buffer.alloc(32, 1);
  it('is 256 random bits', () => {
    expect(isRefreshToken(mintRefreshToken())).toBe(true);
    expect(mintRefreshToken()).not.toBe(mintRefreshToken());
  });
  it('has one successor, which needs the key and looks like any other token', () => {
    const first = mintRefreshToken(() => Buffer.alloc(32, 2));
    const successor = successorOfRefreshToken(first, derivationKey);
    expect(successor).toBe('6H_J5Lf7WQI0YSUIbJ0E9HXLYyOThP_Y_757a-B7Ung');
    expect(isRefreshToken(successor)).toBe(true);
    expect(successorOfRefreshToken(first, Buffer.alloc(32, 3))).not.toBe(successor);
  });
});

describe('remote token', () => {
  it('takes apart what it made, underscores in the secret included', () => {
    const made = mintRemoteToken((size) => Buffer.alloc(size, 0xff));
    expect(made.token).toBe(`ast_${'f'.repeat(24)}_${'_'.repeat(42)}8`);
    expect(parseRemoteToken(made.token)).toEqual({ id: made.id, secret: made.secret });
  });
  it.each([
    '',
    'ast__',
    'ast_1_2',
    'AST_0',
    ` ${mintRemoteToken().token}`,
    `${mintRemoteToken().token}\n`,
    `${mintRemoteToken().token}x`,
  ])('refuses %j', (text) => {
    expect(parseRemoteToken(text)).toBeUndefined();
  });
});

describe('user code (RFC 8628 §6.1)', () => {
  it('is read back however a person types it', () => {
    const code = mintUserCode();
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(normalizeUserCode(` ${code.toLowerCase().replace('-', ' ')} `)).toBe(code);
    expect(normalizeUserCode(code.replace('-', ''))).toBe(code);
  });
  it('answers anything else with undefined', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(normalizeUserCode(`1${text}`)).toBeUndefined()));
  });
});

describe('PKCE (RFC 7636)', () => {
  it('matches the vector of appendix B', () => {
    const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
    expect(codeChallengeOf(verifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  });
  it('knows the forms of verifier and challenge', () => {
    expect(isCodeVerifier(mintCodeVerifier())).toBe(true);
    expect([isCodeVerifier('a'.repeat(42)), isCodeVerifier('a'.repeat(128)), isCodeVerifier('a'.repeat(129))]).toEqual([
      false,
      true,
      false,
    ]);
    expect(isCodeVerifier(`${'a'.repeat(43)}!`)).toBe(false);
    expect([isCodeChallenge('a'.repeat(43)), isCodeChallenge('a'.repeat(44))]).toEqual([true, false]);
  });
});

describe('agent assertion', () => {
  const agent = generateEd25519Key();
  const timestamp = '2026-11-22T10:00:00Z';
  const nowSeconds = Date.parse(timestamp) / 1000;
  const text = mintAgentAssertion({ agentRuntimeId: 'exe_1', taskId: 'task_1', timestamp }, agent.privatePkcs8);
  const parsed = parseAgentAssertion(text);

  it('verifies for its agent within five minutes of its timestamp, either way', () => {
    if (!parsed) throw new Error('the assertion was not read');
    const verify = (at: number) => verifyAgentAssertion(parsed, agent.publicKey, at);
    expect([nowSeconds - 301, nowSeconds - 300, nowSeconds, nowSeconds + 300, nowSeconds + 301].map(verify)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });
  it('verifies for no other agent, task or time', () => {
    if (!parsed) throw new Error('the assertion was not read');
    const verify = (over: Partial<typeof parsed>) =>
      verifyAgentAssertion({ ...parsed, ...over }, agent.publicKey, nowSeconds);
    expect(verify({})).toBe(true);
    expect(verify({ agent_runtime_id: 'exe_2' })).toBe(false);
    expect(verify({ task_id: 'task_2' })).toBe(false);
    expect(verify({ timestamp: '2026-11-22T10:00:01Z' })).toBe(false);
    expect(verify({ timestamp: '2026-13-45T99:00:00Z' })).toBe(false);
    expect(verifyAgentAssertion(parsed, generateEd25519Key().publicKey, nowSeconds)).toBe(false);
  });
  it('is not taken for a task registration', () => {
    const registration = { agentRuntimeId: 'exe_1', timestamp, signature: parsed?.signature ?? '' };
    expect(verifyTaskRegistration(registration, agent.publicKey, nowSeconds)).toBe(false);
  });
  it('answers any text with undefined', () => {
    fc.assert(fc.property(fc.string(), (any) => expect(parseAgentAssertion(any)).toBeUndefined()));
    expect(parseAgentAssertion(Buffer.from('{"agent_runtime_id":1}').toString('base64url'))).toBeUndefined();
  });
});
