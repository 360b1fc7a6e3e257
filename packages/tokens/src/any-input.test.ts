import { generateEd25519Key } from '@codex-gateways/crypto';
import fc from 'fast-check';
import {
  mintAgentAssertion,
  parseAgentAssertion,
  verifyAgentAssertion,
  verifyTaskRegistration,
} from './agent-assertion.ts';
import { bridgeTicket } from './bridge-ticket.ts';
import { clientIdOfAssertion, parseClientKey } from './client-assertion.ts';
import { harnessKeyAuthorization } from './harness-key.ts';
import { hopToken } from './hop-token.ts';
import { decodeJson, encodeJson, parseJws } from './jws.ts';
import { codeChallengeOf, isCodeChallenge, isCodeVerifier } from './pkce.ts';
import { isRefreshToken, successorOfRefreshToken } from './refresh-token.ts';
import { mintRemoteToken, parseRemoteToken } from './remote-token.ts';
import { mintUserCode, normalizeUserCode } from './user-code.ts';
import { mintWorkspaceToken, verifyWorkspaceToken } from './workspace-token.ts';

const SECRET = 'a-secret-for-test-vectors';
const NOW = 1_700_000_300;
const anyText = fc.string({ unit: 'binary', maxLength: 200 });
const encodedJson = fc.json().map((text) => Buffer.from(text).toString('base64url'));
const dotted = fc
  .array(fc.oneof(anyText, fc.base64String(), encodedJson), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('.'));
const hostileText = fc.oneof(anyText, encodedJson, dotted);

describe('any text whatever', () => {
  it.each([
    ['a hop token', (text: string) => hopToken.verify(text, SECRET, NOW).ok],
    ['a bridge ticket', (text: string) => bridgeTicket.verify(text, SECRET, NOW).ok],
    ['a harness key authorization', (text: string) => harnessKeyAuthorization.verify(text, SECRET, NOW).ok],
    ['a workspace token', (text: string) => verifyWorkspaceToken(text, SECRET) !== undefined],
    ['a remote token', (text: string) => parseRemoteToken(text) !== undefined],
  ])('is not %s', (_what, isTaken) => {
    fc.assert(fc.property(hostileText, (text) => !isTaken(text)));
  });

  it('is read as a JWS only when both of its first parts are objects', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const jws = parseJws(text);
        if (!jws) return;
        for (const part of [jws.header, jws.payload]) {
          expect(typeof part === 'object' && part !== null && !Array.isArray(part)).toBe(true);
        }
        const subject = clientIdOfAssertion(text);
        expect(subject === undefined || subject === jws.payload.sub).toBe(true);
      }),
    );
  });
});

describe('what was encoded', () => {
  it('is decoded: JSON objects', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), (object) => {
        const text = JSON.stringify(object);
        expect(JSON.stringify(decodeJson(encodeJson(object)))).toBe(text);
      }),
    );
  });

  it('is decoded: remote tokens, user codes and workspace tokens', () => {
    const bytes = fc.uint8Array({ minLength: 64, maxLength: 64 });
    const id = fc.stringMatching(/^[\w-]{1,40}$/);
    fc.assert(
      fc.property(bytes, id, id, (random, workspaceId, threadId) => {
        const made = mintRemoteToken((sizeBytes) => Buffer.from(random.subarray(0, sizeBytes)));
        expect(parseRemoteToken(made.token)).toEqual({ id: made.id, secret: made.secret });
        let next = 0;
        const code = mintUserCode((limit) => (random[next++] ?? 0) % limit);
        expect(normalizeUserCode(code.toLowerCase())).toBe(code);
        const token = mintWorkspaceToken({ workspaceId, threadId }, SECRET);
        expect(verifyWorkspaceToken(token, SECRET)).toEqual({ workspaceId });
      }),
    );
  });

  it('a refresh token has one successor for each key, of the same form', () => {
    const token = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    fc.assert(
      fc.property(token, token, fc.uint8Array({ minLength: 32, maxLength: 32 }), (first, second, key) => {
        fc.pre(first !== second);
        expect(isRefreshToken(first)).toBe(true);
        const successor = successorOfRefreshToken(first, key);
        expect(isRefreshToken(successor)).toBe(true);
        expect(successorOfRefreshToken(first, key)).toBe(successor);
        expect(successorOfRefreshToken(second, key)).not.toBe(successor);
      }),
    );
  });

  it('a code challenge is met by its verifier alone', () => {
    const verifier = fc.stringMatching(/^[A-Za-z0-9._~-]{43,128}$/);
    fc.assert(
      fc.property(verifier, fc.oneof(verifier, anyText), (right, other) => {
        fc.pre(other !== right);
        const challenge = codeChallengeOf(right);
        expect([isCodeVerifier(right), isCodeChallenge(challenge)]).toEqual([true, true]);
        expect(codeChallengeOf(other)).not.toBe(challenge);
      }),
    );
  });
});

describe('what agents sign', () => {
  const agent = generateEd25519Key();
  const timestamp = new Date(NOW * 1000).toISOString();
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });

  it('is verified for exactly the agent, task and time that were signed', () => {
    fc.assert(
      fc.property(name, name, name, (agentRuntimeId, taskId, other) => {
        const text = mintAgentAssertion({ agentRuntimeId, taskId, timestamp }, agent.privatePkcs8);
        const parsed = parseAgentAssertion(text);
        if (!parsed) throw new Error('the assertion was not read');
        const verify = (claims: Partial<typeof parsed>) =>
          verifyAgentAssertion({ ...parsed, ...claims }, agent.publicKey, NOW);
        expect(verify({})).toBe(true);
        if (other !== taskId) expect(verify({ task_id: other })).toBe(false);
        if (other !== agentRuntimeId) expect(verify({ agent_runtime_id: other })).toBe(false);
        expect(verify({ timestamp: other })).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('is refused, and never throws, when it is anything else', () => {
    const time = fc.oneof(fc.constant(timestamp), anyText, fc.date().map(String));
    const claim = fc.oneof(anyText, fc.jsonValue({ maxDepth: 1 }));
    const signature = fc.oneof(fc.base64String({ minLength: 86, maxLength: 88 }), claim);
    const encoded = fc
      .record({ agent_runtime_id: claim, task_id: claim, timestamp: time, signature }, { requiredKeys: [] })
      .map(encodeJson);
    const key = fc.oneof(fc.constant(new Uint8Array(agent.publicKey)), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.oneof(encoded, hostileText), key, (text, publicKey) => {
        const parsed = parseAgentAssertion(text);
        if (!parsed) return;
        expect(verifyAgentAssertion(parsed, publicKey, NOW)).toBe(false);
        const registration = { agentRuntimeId: parsed.agent_runtime_id, timestamp, signature: parsed.signature };
        expect(verifyTaskRegistration(registration, publicKey, NOW)).toBe(false);
      }),
    );
  });
});

describe('keys of clients (RFC 7517)', () => {
  it('are public keys or a TypeError, whatever is in them', () => {
    const value = fc.oneof(fc.base64String(), fc.jsonValue({ maxDepth: 1 }));
    const member = fc.oneof(
      value,
      fc.constantFrom('RSA', 'EC', 'OKP', 'oct', 'P-256', 'Ed25519', 'AQAB', 'sig', 'RS256', 'none'),
    );
    const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'kid', 'alg', 'use', '__proto__'];
    const jwk = fc.dictionary(fc.constantFrom(...names), member, { maxKeys: 8 });
    fc.assert(
      fc.property(jwk, (members) => {
        try {
          expect(parseClientKey(members).key.type).toBe('public');
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
