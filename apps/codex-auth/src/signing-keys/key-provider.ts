import type { KeyObject } from 'node:crypto';
import type { RsaPublicJwk } from '@codex-gateways/crypto';
import type { SigningKey } from '@codex-gateways/tokens';

/** The issuer's keys, in memory and current: signing asks no database. */
export interface KeyProvider {
  /** The one key that signs now. */
  active(): SigningKey;
  /** A published key by its id; undefined for one that was never ours or is no longer published. */
  verificationKey(kid: string): KeyObject | undefined;
  /**
   * Reads the keys again for one that is not known here yet, as another replica may have signed with it before the news
   * came; at most once a second, whatever is presented. @returns whether it is known now
   */
  learn(kid: string): Promise<boolean>;
  /** Every published key (RFC 7517 §5). */
  jwks(): { readonly keys: readonly RsaPublicJwk[] };
}
