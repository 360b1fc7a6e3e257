import { KeyedMutex } from '../locking/keyed-mutex.ts';
import type { SecretsProvider } from './secrets-provider.ts';

/** Secrets that end with the process: for tests, and for a service that signs in anew at each start. */
export class MemorySecrets implements SecretsProvider {
  readonly description = "this process's memory";
  readonly isReadOnly = false;
  readonly #values = new Map<string, string>();
  readonly #turns = new KeyedMutex();

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key);
  }

  async set(key: string, value: string): Promise<void> {
    this.#values.set(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#values.delete(key);
  }

  exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, work);
  }
}
