import { sha256 } from '@codex-gateways/crypto';

/** For whom a registration was made. Another value in any place is another client. */
export interface DcrKey {
  /** Of this server, not of the upstream: two servers at one upstream are two clients. */
  readonly issuer: string;
  readonly redirectUri: string;
  /** See {@link scopesHash}. */
  readonly scopesHash: string;
  /** See {@link upstreamIdentity}. */
  readonly upstream: string;
}

/** SHA-256 in hex over the scopes, sorted, each once, joined by newlines: neither order nor repetition makes another client. */
export function scopesHash(scopes: readonly string[]): string {
  return sha256([...new Set(scopes)].sort().join('\n')).toString('hex');
}

/** Which upstream: the configuration entry together with who answers there, so that no two ever share a client. */
export function upstreamIdentity({ name, address }: { name: string; address: string }): string {
  return JSON.stringify([name, address]);
}

/** The key as one word for a database: SHA-256 in hex over its parts. */
export function dcrKeyId({ issuer, redirectUri, scopesHash: scopes, upstream }: DcrKey): string {
  return sha256(JSON.stringify([issuer, redirectUri, scopes, upstream])).toString('hex');
}
