import { join } from 'node:path';
import { sha256 } from '@codex-gateways/crypto';
import type { AsyncEntry } from '@napi-rs/keyring';
import { messageOf, TokenSourceError } from '../errors.ts';
import { type FileLockOptions, withFileLock } from '../locking/file-lock.ts';
import { DEFAULT_LOCK } from './encrypted-file-secrets.ts';
import { ensurePrivateFolder } from './private-files.ts';
import type { SecretsProvider } from './secrets-provider.ts';

const PROBE_KEY = 'probe';
// Without this the library falls back to the kernel's store, which forgets everything at the end of the session.
const LINUX_STORE = 'secret-service';

export type KeyringModule = Pick<typeof import('@napi-rs/keyring'), 'AsyncEntry'>;

export interface KeyringOptions {
  /** The service name under which entries are filed; a person sees it in the keyring's own program. */
  readonly service: string;
  /** A keyring has no locks of its own: small lock files go here. */
  readonly lockFolder: string;
  readonly lock?: FileLockOptions;
  /** How long the keyring may take, a person's answer to its password question included. */
  readonly timeoutMs?: number;
  /** Loads the optional dependency. */
  readonly load?: () => Promise<KeyringModule>;
}

/** Secrets in the operating system's keyring: macOS Keychain, Windows Credential Manager, Secret Service on Linux. */
export class KeyringSecrets implements SecretsProvider {
  readonly description = "the operating system's keyring";
  readonly isReadOnly = false;
  readonly #options: KeyringOptions;
  #module: Promise<KeyringModule> | undefined;

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  /**
   * Writes, reads and removes a value.
   * @throws {TokenSourceError} `secrets_unavailable` with the reason when this keyring cannot be used
   */
  async probe(): Promise<void> {
    const value = String(process.pid);
    await this.set(PROBE_KEY, value);
    await this.get(PROBE_KEY);
    await this.delete(PROBE_KEY);
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask(key, (entry) => entry.getPassword())) ?? undefined;
  }

  async set(key: string, value: string): Promise<void> {
    await this.#ask(key, (entry) => entry.setPassword(value));
  }

  async delete(key: string): Promise<void> {
    await this.#ask(key, (entry) => entry.deletePassword());
  }

  async exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { service, lockFolder, lock = DEFAULT_LOCK } = this.#options;
    await ensurePrivateFolder(lockFolder);
    const name = sha256(`${service}\0${key}`).toString('hex').slice(0, 16);
    return withFileLock(join(lockFolder, `keyring-${name}.lock`), lock, work);
  }

  async #ask<T>(key: string, question: (entry: AsyncEntry) => Promise<T>): Promise<T> {
    const { service, timeoutMs = 60_000 } = this.#options;
    const { AsyncEntry } = await this.#load();
    try {
      const entry = new AsyncEntry(service, key, { linux: { store: LINUX_STORE } });
      return await withPatience(question(entry), timeoutMs);
    } catch (error) {
      throw keyringError(error);
    }
  }

  async #load(): Promise<KeyringModule> {
    this.#module ??= (this.#options.load ?? (() => import('@napi-rs/keyring')))();
    try {
      return await this.#module;
    } catch (cause) {
      this.#module = undefined;
      throw new TokenSourceError(
        'secrets_unavailable',
        'the keyring package @napi-rs/keyring is not installed for this platform: use the encrypted file instead',
        { cause },
      );
    }
  }
}

function keyringError(cause: unknown): TokenSourceError {
  const message = `the operating system's keyring cannot be used (${messageOf(cause)}): start and unlock it, or use the encrypted file`;
  return new TokenSourceError('secrets_unavailable', message, { cause });
}

/** The question itself cannot be taken back: a person may be looking at it. */
async function withPatience<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = Math.round(timeoutMs / 1000);
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s, it may be locked`)), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
