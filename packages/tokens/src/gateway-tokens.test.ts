import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { bridgeTicket } from './bridge-ticket.ts';
import { type CapabilityClaims, capabilityToken } from './capability-token.ts';
import { harnessKeyAuthorization, noiseKeyDigest } from './harness-key.ts';
import { mintWorkspaceToken, verifyWorkspaceToken } from './workspace-token.ts';
import { mintWsTicket, verifyWsTicket } from './ws-ticket.ts';

const SECRET = 'a-secret-for-test-vectors';
const CLAIMS: CapabilityClaims = { turn_id: 't1', workspace_id: 'w1', iat: 1_700_000_000, exp: 1_700_000_600 };
const NOW = 1_700_000_300;

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
function signed(header: object, payload: object, secret = SECRET): string {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

describe('capability token', () => {
  it('has this form', () => {
    expect(capabilityToken.mint(CLAIMS, SECRET)).toBe(signed({ alg: 'HS256', typ: 'CXG' }, CLAIMS));
    expect(capabilityToken.mint(CLAIMS, SECRET)).toBe(
      'eyJhbGciOiJIUzI1NiIsInR5cCI6IkNYRyJ9.eyJ0dXJuX2lkIjoidDEiLCJ3b3Jrc3BhY2VfaWQiOiJ3MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwNjAwfQ.4pQcKvD3Ou2-ZF87ESn5gM2G-yiwWuDFxYyFqVNrZDA',
    );
  });
  it('gives back its claims', () => {
    const claims = { ...CLAIMS, user_id: 'u1' };
    expect(capabilityToken.verify(capabilityToken.mint(claims, SECRET), SECRET, NOW)).toEqual({
      ok: true,
      payload: claims,
    });
  });
  it('lives until exp and not a second longer', () => {
    const token = capabilityToken.mint(CLAIMS, SECRET);
    expect(capabilityToken.verify(token, SECRET, CLAIMS.exp - 1).ok).toBe(true);
    expect(capabilityToken.verify(token, SECRET, CLAIMS.exp)).toEqual({ ok: false, reason: 'expired' });
  });
  it.each([
    ['another algorithm', { alg: 'none', typ: 'CXG' }],
    ['members in another order', { typ: 'CXG', alg: 'HS256' }],
    ['another type', { alg: 'HS256', typ: 'JWT' }],
    ['an extra member', { alg: 'HS256', typ: 'CXG', kid: '1' }],
  ])('refuses a header with %s', (_what, header) => {
    expect(capabilityToken.verify(signed(header, CLAIMS), SECRET, NOW)).toEqual({ ok: false, reason: 'malformed' });
  });
  it('refuses another secret, a missing signature and a fourth part', () => {
    const token = capabilityToken.mint(CLAIMS, SECRET);
    expect(capabilityToken.verify(token, 'another-secret', NOW)).toEqual({ ok: false, reason: 'bad_signature' });
    expect(capabilityToken.verify(token.split('.').slice(0, 2).join('.'), SECRET, NOW).ok).toBe(false);
    expect(capabilityToken.verify(`${token.split('.').slice(0, 2).join('.')}.`, SECRET, NOW).ok).toBe(false);
    expect(capabilityToken.verify(`${token}.x`, SECRET, NOW).ok).toBe(false);
  });
  it('refuses a well-signed payload of another shape', () => {
    const header = { alg: 'HS256', typ: 'CXG' };
    for (const payload of [
      {},
      { ...CLAIMS, exp: '9999999999' },
      { ...CLAIMS, turn_id: '' },
      { ...CLAIMS, workspace_id: 1 },
    ]) {
      expect(capabilityToken.verify(signed(header, payload), SECRET, NOW)).toEqual({
        ok: false,
        reason: 'bad_payload',
      });
    }
  });
  it('is never taken for a bridge ticket or a harness key authorization', () => {
    const token = capabilityToken.mint(CLAIMS, SECRET);
    expect(bridgeTicket.verify(token, SECRET, NOW).ok).toBe(false);
    expect(harnessKeyAuthorization.verify(token, SECRET, NOW).ok).toBe(false);
  });
  it('ends the bridge that its ticket opened, so the ticket carries its expiry', () => {
    const claims = {
      exe_id: 'exe_1',
      turn_id: 'turn_1',
      workspace_id: 'ws_1',
      executor_registration_id: 'reg_1',
      harness_key_digest: 'k'.repeat(43),
      capability_exp: NOW + 3600,
      exp: NOW + 60,
    };
    const ticket = bridgeTicket.verify(bridgeTicket.mint(claims, SECRET), SECRET, NOW);
    expect(ticket).toEqual({ ok: true, payload: claims });
  });
  it('does not verify after any one character changed', () => {
    const token = capabilityToken.mint(CLAIMS, SECRET);
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'ABab01-_.'), (index, letter) => {
        fc.pre(token[index] !== letter);
        const altered = token.slice(0, index) + letter + token.slice(index + 1);
        expect(capabilityToken.verify(altered, SECRET, NOW).ok).toBe(false);
      }),
    );
  });
  it('answers any text with a refusal', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `${token()}${text}`),
        ),
        (text) => {
          fc.pre(text !== token());
          expect(capabilityToken.verify(text, SECRET, NOW).ok).toBe(false);
        },
      ),
    );
  });
  it('is not minted or verified with an empty secret', () => {
    expect(() => capabilityToken.mint(CLAIMS, '')).toThrow(TypeError);
    expect(() => capabilityToken.verify(capabilityToken.mint(CLAIMS, SECRET), '', NOW)).toThrow(TypeError);
  });
});

function token(): string {
  return capabilityToken.mint(CLAIMS, SECRET);
}

describe('ws ticket', () => {
  const exeId = 'exe_3f6c0f0e-0000-4000-8000-000000000001';
  const check = (ticket: string, over: Partial<{ exeId: string; secret: string; nowSeconds: number }> = {}) =>
    verifyWsTicket(ticket, { exeId, secret: SECRET, nowSeconds: NOW, ...over });

  it('has this form', () => {
    const mac = createHmac('sha256', SECRET).update(`${exeId}.1700000600`).digest('base64url');
    expect(mintWsTicket(exeId, 1_700_000_600, SECRET)).toBe(`${exeId}.1700000600.${mac}`);
  });
  it('admits its executor until its expiry', () => {
    const ticket = mintWsTicket(exeId, 1_700_000_600, SECRET);
    expect(check(ticket)).toEqual({ ok: true, expiresAtSeconds: 1_700_000_600 });
    expect(check(ticket, { nowSeconds: 1_700_000_600 })).toEqual({ ok: false, reason: 'expired' });
  });
  it('admits nobody else, and no later expiry', () => {
    const ticket = mintWsTicket(exeId, 1_700_000_600, SECRET);
    expect(check(ticket, { exeId: 'exe_other' })).toEqual({ ok: false, reason: 'wrong_executor' });
    expect(check(ticket, { secret: 'another-secret' })).toEqual({ ok: false, reason: 'bad_signature' });
    expect(check(ticket.replace('1700000600', '1700009999'))).toEqual({ ok: false, reason: 'bad_signature' });
  });
  it('answers any text with a refusal', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(check(text).ok).toBe(false)));
  });
});

describe('workspace token (break-glass)', () => {
  it('has this form and gives back the workspace alone', () => {
    const mac = createHmac('sha256', SECRET).update('w1\0t1').digest('hex');
    expect(mintWorkspaceToken({ workspaceId: 'w1', threadId: 't1' }, SECRET)).toBe(`w1.t1.${mac}`);
    expect(verifyWorkspaceToken(`w1.t1.${mac}`, SECRET)).toEqual({ workspaceId: 'w1' });
  });
  it('does not let a dot or NUL shift what is signed', () => {
    expect(() => mintWorkspaceToken({ workspaceId: 'a.b', threadId: 't' }, SECRET)).toThrow(TypeError);
    expect(() => mintWorkspaceToken({ workspaceId: 'a\0b', threadId: 't' }, SECRET)).toThrow(TypeError);
  });
  it('refuses another secret, two parts, four parts and empty parts', () => {
    const good = mintWorkspaceToken({ workspaceId: 'w1', threadId: 't1' }, SECRET);
    for (const bad of [`${good}.x`, good.replace('t1.', ''), good.replace('w1', ''), 'a.b.c', '', '..']) {
      expect(verifyWorkspaceToken(bad, SECRET)).toBeUndefined();
    }
    expect(verifyWorkspaceToken(good, 'another-secret')).toBeUndefined();
    expect(() => verifyWorkspaceToken(good, '')).toThrow(TypeError);
  });
});

describe('harness key digest', () => {
  it('depends on each member and on where one ends', () => {
    const key = { suite: 's', x25519_public_key: 'ab', mlkem768_public_key: 'c' };
    const digest = noiseKeyDigest(key);
    expect(digest).toHaveLength(43);
    expect(noiseKeyDigest({ ...key })).toBe(digest);
    expect(noiseKeyDigest({ suite: 's', x25519_public_key: 'a', mlkem768_public_key: 'bc' })).not.toBe(digest);
    expect(noiseKeyDigest({ ...key, suite: 't' })).not.toBe(digest);
  });
});
