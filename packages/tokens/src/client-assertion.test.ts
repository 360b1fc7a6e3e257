import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import jsonwebtoken from 'jsonwebtoken';
import { clientIdOfAssertion, parseClientKey, verifyClientAssertion } from './client-assertion.ts';
import { encodeJson } from './jws.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://auth.example';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const claims = { iss: 'client_1', sub: 'client_1', aud: ISSUER, iat: NOW, exp: NOW + 60, jti: 'once' };

const jwkOf = (key: KeyObject, members: object = {}) => ({ ...key.export({ format: 'jwk' }), ...members });
const keys = [
  parseClientKey(jwkOf(rsa.publicKey, { kid: 'rsa' })),
  parseClientKey(jwkOf(ec.publicKey, { kid: 'ec' })),
  parseClientKey(jwkOf(ed.publicKey, { kid: 'ed' })),
];

function check(assertion: string, over: Partial<Parameters<typeof verifyClientAssertion>[1]> = {}) {
  const expected = {
    clientId: 'client_1',
    keys,
    audiences: [ISSUER, `${ISSUER}/oauth/token`],
    nowSeconds: NOW,
    ...over,
  };
  return verifyClientAssertion(assertion, expected);
}

function rs256(changes: object = {}, header: object = {}): string {
  const payload = JSON.stringify({ ...claims, ...changes });
  return jsonwebtoken.sign(payload, rsa.privateKey, {
    algorithm: 'RS256',
    header: { alg: 'RS256', kid: 'rsa', ...header },
  });
}

function ed25519(header: object = {}): string {
  const text = `${encodeJson({ alg: 'EdDSA', ...header })}.${encodeJson(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), ed.privateKey).toString('base64url')}`;
}

describe('client assertions (RFC 7523 §3)', () => {
  it('are accepted with RS256, ES256 and EdDSA, as other libraries sign them', () => {
    const es256 = jsonwebtoken.sign(JSON.stringify(claims), ec.privateKey, { algorithm: 'ES256' });
    const accepted = { ok: true, jti: 'once', expiresAtSeconds: NOW + 90 };
    for (const assertion of [rs256(), es256, ed25519(), ed25519({ alg: 'Ed25519', kid: 'ed' })]) {
      expect(check(assertion)).toEqual(accepted);
    }
  });

  it('name their client before they are verified', () => {
    expect(clientIdOfAssertion(rs256())).toBe('client_1');
    for (const sub of ['x'.repeat(129), 7, null]) expect(clientIdOfAssertion(rs256({ sub }))).toBeUndefined();
    expect(clientIdOfAssertion('a.b')).toBeUndefined();
  });

  it.each<[string, string, object]>([
    ['another issuer', 'wrong_issuer', { iss: 'client_2' }],
    ['another subject', 'wrong_issuer', { sub: 'client_2' }],
    ['another audience', 'wrong_audience', { aud: 'https://other.example' }],
    ['a second audience', 'wrong_audience', { aud: [ISSUER, 'https://other.example'] }],
    ['an audience that only begins like ours', 'wrong_audience', { aud: `${ISSUER}.evil.example` }],
    ['an end that has passed', 'expired', { exp: NOW - 30 }],
    ['no end', 'expired', { exp: undefined }],
    ['an end that is text', 'expired', { exp: String(NOW + 60) }],
    ['an end far away', 'lives_too_long', { exp: NOW + 631 }],
    ['a start that is to come', 'not_yet_valid', { nbf: NOW + 31 }],
    ['no jti', 'no_jti', { jti: undefined }],
    ['a jti that is a number', 'no_jti', { jti: 1 }],
    ['a jti of great length', 'no_jti', { jti: 'x'.repeat(257) }],
  ])('are refused with %s', (_what, reason, changes) => {
    expect(check(rs256(changes))).toEqual({ ok: false, reason });
  });

  it('take one audience in a list', () => {
    expect(check(rs256({ aud: [`${ISSUER}/oauth/token`] })).ok).toBe(true);
  });

  it('are refused when another key signed them, or one under another name', () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const forged = jsonwebtoken.sign(JSON.stringify(claims), stranger, { algorithm: 'RS256' });
    expect(check(forged)).toEqual({ ok: false, reason: 'bad_signature' });
    expect(check(rs256({}, { kid: 'other' }))).toEqual({ ok: false, reason: 'unknown_key' });
    expect(check(rs256({}, { kid: 'ec' }))).toEqual({ ok: false, reason: 'wrong_algorithm' });
  });

  it('are refused when the algorithm is none, or a MAC whose secret is the public key', () => {
    const publicPem = rsa.publicKey.export({ format: 'pem', type: 'spki' });
    const text = `${encodeJson({ alg: 'HS256', kid: 'rsa' })}.${encodeJson(claims)}`;
    const mac = createHmac('sha256', publicPem).update(text).digest('base64url');
    expect(check(`${text}.${mac}`)).toEqual({ ok: false, reason: 'wrong_algorithm' });
    const none = `${encodeJson({ alg: 'none' })}.${encodeJson(claims)}`;
    expect(check(`${none}.`)).toEqual({ ok: false, reason: 'malformed' });
    expect(check(`${none}.AA`)).toEqual({ ok: false, reason: 'wrong_algorithm' });
  });

  it('are refused with another algorithm than the client, or its key, is registered for', () => {
    expect(check(rs256(), { alg: 'ES256' })).toEqual({ ok: false, reason: 'wrong_algorithm' });
    const onlyEdDsa = [parseClientKey(jwkOf(ed.publicKey, { alg: 'EdDSA' }))];
    expect(check(ed25519(), { keys: onlyEdDsa }).ok).toBe(true);
    expect(check(ed25519({ alg: 'Ed25519' }), { keys: onlyEdDsa })).toEqual({ ok: false, reason: 'wrong_algorithm' });
  });

  it('are refused with a header that must be understood and is not', () => {
    expect(check(rs256({}, { crit: ['b64'] }))).toEqual({ ok: false, reason: 'malformed' });
  });

  it('never throw, whatever they are', () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const text = fc.oneof(
      fc.string(),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
    );
    fc.assert(fc.property(text, (assertion) => !check(assertion).ok));
  });
});

describe('keys of clients (RFC 7517)', () => {
  it.each<[string, object, RegExp]>([
    ['a private key', jwkOf(ec.privateKey), /private parts/],
    ['a secret', { kty: 'oct', k: 'AAAA' }, /private parts/],
    ['a short RSA key', jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), /2048 bits/],
    ['another curve', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), /RSA, P-256 or Ed25519/],
    ['a key for encryption', jwkOf(rsa.publicKey, { use: 'enc' }), /use/],
    ['an algorithm of another type', jwkOf(rsa.publicKey, { alg: 'ES256' }), /alg/],
    ['a MAC', jwkOf(rsa.publicKey, { alg: 'HS256' }), /alg/],
    ['a key id that is no text', jwkOf(rsa.publicKey, { kid: 7 }), /kid/],
    ['a key id that cannot be shown', jwkOf(rsa.publicKey, { kid: 'a\0' }), /kid/],
    ['a point that is not on the curve', jwkOf(ec.publicKey, { x: 'AA' }), /malformed/],
    ['nothing', {}, /malformed/],
  ])('are refused: %s', (_what, jwk, message) => {
    expect(() => parseClientKey(jwk as Record<string, unknown>)).toThrow(message);
  });
});
