import { TokenSourceError } from '../errors.ts';

/**
 * Where tokens are kept between processes. Every implementation passes the same contract test.
 * A value that was set is what the next `get` of any process returns.
 */
export interface SecretsProvider {
  /** As messages name it, e.g. `the operating system's keyring`. */
  readonly description: string;
  readonly isReadOnly: boolean;

  /** @throws {TokenSourceError} `secrets_unavailable`, `secrets_unreadable` */
  get(key: string): Promise<string | undefined>;

  /** Replaces what was there, whole or not at all. @throws {TokenSourceError} also `secrets_read_only` */
  set(key: string, value: string): Promise<void>;

  /** Removing what is not there is fine. @throws {TokenSourceError} also `secrets_read_only` */
  delete(key: string): Promise<void>;

  /**
   * Runs `work` while no one else who keeps secrets in this place runs theirs for the same key: no other caller of this
   * process, and no other process where the place is shared. Not reentrant.
   * @throws {TokenSourceError} `locked`; whatever `work` throws
   */
  exclusive<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** What a read-only provider throws on a write. */
export function readOnlyError(description: string): TokenSourceError {
  return new TokenSourceError('secrets_read_only', `${description} cannot be written to`);
}
