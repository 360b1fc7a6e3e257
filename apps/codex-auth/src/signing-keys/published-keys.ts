import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { listIdentitiesByKey, listKeys, type StoredKey } from './jwks-key-store.ts';

/** A key as administrators see it. */
export interface PublishedKey extends Omit<StoredKey, 'privatePkcs8Sealed'> {
  /** Live Agent Identity JWTs under it. */
  readonly agentIdentities: number;
  readonly lastIdentityExpiresAt: Date | undefined;
}

/** Every published key, the active one first, with what it has signed that lives for long. */
export async function listPublishedKeys({ pool, clock }: { pool: Queryable; clock: Clock }): Promise<PublishedKey[]> {
  const [keys, identities] = await Promise.all([listKeys(pool), listIdentitiesByKey(pool, clock.now())]);
  return keys.map(({ privatePkcs8Sealed: _, ...key }) => ({
    ...key,
    agentIdentities: identities.get(key.kid)?.count ?? 0,
    lastIdentityExpiresAt: identities.get(key.kid)?.lastExpiresAt,
  }));
}
