import type { KeyringModule } from '../src/secrets/keyring-secrets.ts';

/** Loads a module that behaves as @napi-rs/keyring does with a working keyring: `null` for what is absent. */
export function memoryKeyring(): () => Promise<KeyringModule> {
  const passwords = new Map<string, string>();
  class Entry {
    readonly #id: string;
    constructor(service: string, username: string) {
      this.#id = JSON.stringify([service, username]);
    }
    async getPassword(): Promise<string | null> {
      return passwords.get(this.#id) ?? null;
    }
    async setPassword(password: string): Promise<void> {
      passwords.set(this.#id, password);
    }
    async deletePassword(): Promise<boolean> {
      return passwords.delete(this.#id);
    }
  }
  return async () => ({ AsyncEntry: Entry }) as unknown as KeyringModule;
}
