import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.ts';

const { publicKey } = generateKeyPairSync('ed25519');
const published = new Map<string, KeyObject>([['k1', publicKey]]);
const at = (nowSeconds: number, keys: ReadonlyMap<string, KeyObject> = published) => ({
  nowSeconds,
  keyOf: (kid: string) => keys.get(kid),
});
const verified: VerifiedToken = { jti: 'j', jtiDigest: Buffer.alloc(32), exp: 100, kid: 'k1', key: publicKey };

describe('tokens whose signature was verified before', () => {
  it('are known until the second in which they expire', () => {
    const tokens = new VerifiedTokens();
    tokens.remember('a', verified);
    expect(tokens.recall('a', at(99))).toBe(verified);
    expect(tokens.recall('a', at(100))).toBeUndefined();
    expect(tokens.recall('b', at(99))).toBeUndefined();
  });

  it('are forgotten when their key is published no longer, or another one is in its place', () => {
    const other = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    for (const keys of [new Map(), new Map([['k1', other]])]) {
      const tokens = new VerifiedTokens();
      tokens.remember('a', verified);
      expect(tokens.recall('a', at(1, keys))).toBeUndefined();
      expect(tokens.size).toBe(0);
    }
  });

  it('are bounded in number: the one used longest ago goes first', () => {
    const tokens = new VerifiedTokens({ maxEntries: 2 });
    tokens.remember('a', verified);
    tokens.remember('b', verified);
    tokens.recall('a', at(1));
    tokens.remember('c', verified);
    expect(['a', 'b', 'c'].map((token) => tokens.recall(token, at(1)) !== undefined)).toEqual([true, false, true]);
    expect(tokens.size).toBe(2);
  });
});
