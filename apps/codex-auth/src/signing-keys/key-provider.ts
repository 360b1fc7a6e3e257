import type { KeyObject } from 'node:crypto';
import type { RsaPublicJwk } from '@codex-gateways/crypto';
import type { SigningKey } from '@codex-gateways/tokens';

/** The issuer's keys, in memory and current: signing asks no database. */
export interface KeyProvider {
  /** The one key that signs now. */
  active(): SigningKey;
  /** A published key by its id; undefined for one that was never ours or is no longer published. */
  verificationKey(kid: string): KeyObject | undefined;
  /** Every published key (RFC 7517 §5). */
  jwks(): { readonly keys: readonly RsaPublicJwk[] };
}
