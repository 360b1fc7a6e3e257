import { capabilityToken } from './capability-token.ts';
import { type HopClaims, hopToken } from './hop-token.ts';

const SECRET = 'a-secret-for-test-vectors';
const NOW = 1_700_000_300;
const CLAIMS: HopClaims = { aud: 'replica-1', sub: 'exe_1', grant: { turn_id: 't1', until: NOW }, exp: NOW + 30 };

describe('hop token', () => {
  it('has this form', () => {
    expect(hopToken.mint(CLAIMS, SECRET)).toBe(
      'eyJhbGciOiJIUzI1NiIsInR5cCI6IkNYRiJ9.eyJhdWQiOiJyZXBsaWNhLTEiLCJzdWIiOiJleGVfMSIsImdyYW50Ijp7InR1cm5faWQiOiJ0MSIsInVudGlsIjoxNzAwMDAwMzAwfSwiZXhwIjoxNzAwMDAwMzMwfQ.7uzOEt3ax7fRxZVySk1QMJLWABI56tspetzVf4m1960',
    );
  });
  it('gives back its claims until it expires', () => {
    const token = hopToken.mint(CLAIMS, SECRET);
    expect(hopToken.verify(token, SECRET, NOW)).toEqual({ ok: true, payload: CLAIMS });
    expect(hopToken.verify(token, SECRET, NOW + 30)).toEqual({ ok: false, reason: 'expired' });
    expect(hopToken.verify(token, 'another-secret-for-tests', NOW)).toEqual({ ok: false, reason: 'bad_signature' });
  });
  it('is not a capability token, nor the other way round', () => {
    const capability = { turn_id: 't1', workspace_id: 'w1', iat: NOW, exp: NOW + 60 };
    expect(hopToken.verify(capabilityToken.mint(capability, SECRET), SECRET, NOW).ok).toBe(false);
    expect(capabilityToken.verify(hopToken.mint(CLAIMS, SECRET), SECRET, NOW).ok).toBe(false);
  });
});
