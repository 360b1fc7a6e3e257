import { KeyedMutex } from '../locking/keyed-mutex.ts';
import { secretEnvVar } from '../naming.ts';
import { readOnlyError, type SecretsProvider } from './secrets-provider.ts';

/**
 * Tokens that a process was given in its environment, e.g. by a CI system: read-only. A refresh token there serves a provider
 * that does not rotate; what a rotating provider gives in return lasts as long as the process.
 */
export class EnvironmentSecrets implements SecretsProvider {
  readonly description = 'the environment';
  readonly isReadOnly = true;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #turns = new KeyedMutex();

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** A variable that is set to an empty text counts as not set. */
  async get(key: string): Promise<string | undefined> {
    return this.#env[secretEnvVar(key)] || undefined;
  }

  async set(): Promise<void> {
    throw readOnlyError(this.description);
  }

  async delete(): Promise<void> {
    throw readOnlyError(this.description);
  }

  exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, work);
  }
}
