import { createPublicKey } from 'node:crypto';
import { generateEd25519Key, generateRsaKey, type RsaKeyPair } from '@codex-gateways/crypto';
import fc from 'fast-check';
import jsonwebtoken from 'jsonwebtoken';
import { buildAccessToken } from './access-token.ts';
import { AGENT_IDENTITY_AUDIENCE, AGENT_IDENTITY_ISSUER, buildAgentIdentityJwt } from './agent-identity.ts';
import { buildIdToken, OPENAI_AUTH_CLAIM } from './id-token.ts';
import { encodeJson, signRs256, verifyRs256 } from './jws.ts';

const NOW = 1_800_000_000;
let key: RsaKeyPair;

beforeAll(async () => {
  key = await generateRsaKey();
});

function publicKey() {
  return createPublicKey(key.privateKey);
}
function verify(token: string, over: { nowSeconds?: number; typ?: 'JWT' | 'at+jwt' } = {}) {
  return verifyRs256(token, {
    findKey: (kid) => (kid === key.kid ? publicKey() : undefined),
    nowSeconds: NOW,
    ...over,
  });
}
async function accessToken() {
  const made = await buildAccessToken(key, {
    iss: 'https://auth.example',
    sub: 'u1',
    client_id: 'c1',
    scope: 'openid',
    nowSeconds: NOW,
    lifetimeSeconds: 60,
  });
  return made.token;
}

describe('access token (RFC 9068)', () => {
  it('is accepted by an independent library, with its claims and header', async () => {
    const decoded = jsonwebtoken.verify(await accessToken(), publicKey(), {
      algorithms: ['RS256'],
      complete: true,
      clockTimestamp: NOW,
    });
    expect(decoded.header).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: key.kid });
    expect(decoded.payload).toMatchObject({
      iss: 'https://auth.example',
      aud: 'https://auth.example',
      sub: 'u1',
      iat: NOW,
      exp: NOW + 60,
      client_id: 'c1',
    });
    expect(decoded.payload).toHaveProperty('jti');
  });
  it('verifies until exp and not a second longer', async () => {
    const token = await accessToken();
    expect(verify(token, { typ: 'at+jwt', nowSeconds: NOW + 59 }).ok).toBe(true);
    expect(verify(token, { typ: 'at+jwt', nowSeconds: NOW + 60 })).toEqual({ ok: false, reason: 'expired' });
  });
  it('is not taken for an ID token', async () => {
    expect(verify(await accessToken())).toEqual({ ok: false, reason: 'wrong_type' });
  });
});

describe('ID token', () => {
  it('carries the claim by which the CLI knows user and account', async () => {
    const token = await buildIdToken(key, {
      issuer: 'https://auth.example',
      audience: 'c1',
      subject: { userId: 'u1', email: 'u@example.com', workspaceId: 'w1', isOwner: true },
      nonce: 'n1',
      authTimeSeconds: NOW - 5,
      nowSeconds: NOW,
      lifetimeSeconds: 60,
    });
    expect(jsonwebtoken.verify(token, publicKey(), { algorithms: ['RS256'], clockTimestamp: NOW })).toMatchObject({
      aud: 'c1',
      sub: 'u1',
      nonce: 'n1',
      auth_time: NOW - 5,
      email: 'u@example.com',
      [OPENAI_AUTH_CLAIM]: { chatgpt_account_id: 'w1', chatgpt_user_id: 'u1', user_id: 'u1', is_org_owner: true },
    });
  });
});

describe('Agent Identity JWT', () => {
  it('carries every claim that the CLI requires', async () => {
    const agent = generateEd25519Key();
    const token = await buildAgentIdentityJwt(
      key,
      {
        agentRuntimeId: 'exe_1',
        privatePkcs8: agent.privatePkcs8,
        workspaceId: 'w1',
        userId: 'u1',
        email: 'u@example.com',
        planType: 'pro',
      },
      { nowSeconds: NOW, expiresAtSeconds: NOW + 60 },
    );
    expect(jsonwebtoken.verify(token, publicKey(), { algorithms: ['RS256'], clockTimestamp: NOW })).toEqual({
      iss: AGENT_IDENTITY_ISSUER,
      aud: AGENT_IDENTITY_AUDIENCE,
      iat: NOW,
      exp: NOW + 60,
      agent_runtime_id: 'exe_1',
      agent_private_key: agent.privatePkcs8.toString('base64'),
      account_id: 'w1',
      chatgpt_user_id: 'u1',
      email: 'u@example.com',
      plan_type: 'pro',
      chatgpt_account_is_fedramp: false,
    });
  });
});

describe('verifying a JWS (RFC 8725)', () => {
  it('refuses `none`, and HMAC keyed with the public key', () => {
    const payload = { exp: NOW + 60 };
    const none = `${encodeJson({ alg: 'none', typ: 'JWT', kid: key.kid })}.${encodeJson(payload)}.AA`;
    expect(verify(none)).toEqual({ ok: false, reason: 'wrong_algorithm' });
    const pem = publicKey().export({ format: 'pem', type: 'spki' }).toString();
    const signedWithPublicKey = `${encodeJson({ alg: 'HS256', typ: 'JWT', kid: key.kid })}.${encodeJson(payload)}.${pem.length}`;
    expect(verify(signedWithPublicKey)).toEqual({ ok: false, reason: 'wrong_algorithm' });
  });
  it('refuses a key that is not ours, an altered payload, and a token without exp', async () => {
    const other = await generateRsaKey();
    expect(verify(await signRs256(other, { exp: NOW + 60 }))).toEqual({ ok: false, reason: 'unknown_key' });
    expect(verify(await signRs256({ kid: key.kid, privateKey: other.privateKey }, { exp: NOW + 60 }))).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
    const [header, , signature] = (await signRs256(key, { exp: NOW + 60 })).split('.');
    expect(verify(`${header}.${encodeJson({ exp: NOW + 999 })}.${signature}`)).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
    expect(verify(await signRs256(key, { sub: 'u1' }))).toEqual({ ok: false, reason: 'expired' });
    expect(verify(await signRs256(key, { exp: NOW + 60, nbf: NOW + 1 }))).toEqual({
      ok: false,
      reason: 'not_yet_valid',
    });
  });
  it('accepts what an independent library signed', () => {
    const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const token = jsonwebtoken.sign({ sub: 'u1', exp: NOW + 60 }, pem, {
      algorithm: 'RS256',
      keyid: key.kid,
      noTimestamp: true,
    });
    expect(verify(token)).toEqual({ ok: true, payload: { sub: 'u1', exp: NOW + 60 }, kid: key.kid });
  });
  it('answers any text with a refusal', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(verify(text).ok).toBe(false)));
    fc.assert(
      fc.property(fc.array(fc.base64String(), { minLength: 3, maxLength: 3 }), (parts) => {
        expect(verify(parts.join('.')).ok).toBe(false);
      }),
    );
  });
});
