import type { SecretsProvider } from './secrets-provider.ts';

/** Looks into `overrides` first, such as the environment; everything that is written goes to `store`. */
export class LayeredSecrets implements SecretsProvider {
  readonly #overrides: SecretsProvider;
  readonly #store: SecretsProvider;

  constructor({ overrides, store }: { overrides: SecretsProvider; store: SecretsProvider }) {
    this.#overrides = overrides;
    this.#store = store;
  }

  get description(): string {
    return this.#store.description;
  }

  get isReadOnly(): boolean {
    return this.#store.isReadOnly;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#overrides.get(key)) ?? (await this.#store.get(key));
  }

  set(key: string, value: string): Promise<void> {
    return this.#store.set(key, value);
  }

  delete(key: string): Promise<void> {
    return this.#store.delete(key);
  }

  exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#store.exclusive(key, work);
  }
}
