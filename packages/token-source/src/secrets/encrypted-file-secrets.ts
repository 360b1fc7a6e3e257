import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSealer, parseSealingKey, type Sealer, sha256, UnsealError } from '@codex-gateways/crypto';
import { TokenSourceError } from '../errors.ts';
import { type FileLockOptions, withFileLock } from '../locking/file-lock.ts';
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from './private-files.ts';
import type { SecretsProvider } from './secrets-provider.ts';

const KEY_BYTES = 32;
const KEY_FILE = 'key';
/** Longer than everything that is done under a lock: discovery, a refresh, and its repetition. */
export const DEFAULT_LOCK: FileLockOptions = { timeoutMs: 90_000, leaseMs: 180_000 };

export interface EncryptedFileOptions {
  /** Made with mode 0700 when it is absent. Nothing else should live there. */
  readonly folder: string;
  /** 32 bytes in base64, e.g. from an environment variable; without it a key file is made at first use. */
  readonly key?: string | undefined;
  readonly lock?: FileLockOptions;
}

/**
 * Secrets in a folder, one sealed file each (AES-256-GCM, bound to the secret's name), for servers and for machines without a
 * keyring. The key file beside them keeps them out of backups and screens, not from who can read the folder: give the key
 * in the environment where that matters.
 */
export class EncryptedFileSecrets implements SecretsProvider {
  readonly isReadOnly = false;
  readonly #folder: string;
  readonly #lock: FileLockOptions;
  readonly #givenKey: Buffer | undefined;
  #sealer: Promise<Sealer> | undefined;

  /** @throws {TypeError} when `key` is not 32 bytes in base64 */
  constructor({ folder, key, lock = DEFAULT_LOCK }: EncryptedFileOptions) {
    this.#folder = folder;
    this.#givenKey = key === undefined ? undefined : parseSealingKey(key);
    this.#lock = lock;
  }

  get description(): string {
    return `the encrypted files in ${this.#folder}`;
  }

  async get(key: string): Promise<string | undefined> {
    const path = this.#pathOf(key);
    const sealed = await readPrivateFile(path);
    if (sealed === undefined) return undefined;
    const sealer = await this.#openSealer();
    try {
      return sealer.open(sealed, contextOf(key)).toString('utf8');
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      const message = `${path} does not open (${error.message}): restore its key, or sign in again`;
      throw new TokenSourceError('secrets_unreadable', message, { cause: error });
    }
  }

  async set(key: string, value: string): Promise<void> {
    await ensurePrivateFolder(this.#folder);
    const sealer = await this.#openSealer();
    await writePrivateFile(this.#pathOf(key), sealer.seal(Buffer.from(value, 'utf8'), contextOf(key)));
  }

  async delete(key: string): Promise<void> {
    await rm(this.#pathOf(key), { force: true });
  }

  async exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    await ensurePrivateFolder(this.#folder);
    return withFileLock(join(this.#folder, `${fileNameOf(key)}.lock`), this.#lock, work);
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${fileNameOf(key)}.sealed`);
  }

  #openSealer(): Promise<Sealer> {
    this.#sealer ??= this.#loadKey().then((current) => createSealer({ current }));
    this.#sealer.catch(() => {
      this.#sealer = undefined; // it may have been repaired when the next call comes
    });
    return this.#sealer;
  }

  async #loadKey(): Promise<Buffer> {
    if (this.#givenKey) return this.#givenKey;
    const path = join(this.#folder, KEY_FILE);
    const existing = await readKeyFile(path);
    if (existing) return existing;
    await ensurePrivateFolder(this.#folder);
    return withFileLock(`${path}.lock`, this.#lock, async () => {
      const madeMeanwhile = await readKeyFile(path);
      if (madeMeanwhile) return madeMeanwhile;
      const made = randomBytes(KEY_BYTES);
      await writePrivateFile(path, Buffer.from(`${made.toString('base64')}\n`));
      return made;
    });
  }
}

async function readKeyFile(path: string): Promise<Buffer | undefined> {
  const content = await readPrivateFile(path);
  if (content === undefined) return undefined;
  try {
    return parseSealingKey(content.toString('utf8').trim());
  } catch (cause) {
    const message = `${path} does not hold a key of 32 bytes in base64: restore it, or remove it and sign in again`;
    throw new TokenSourceError('secrets_unreadable', message, { cause });
  }
}

function contextOf(key: string): string {
  return `token-source secret:${key}`;
}

/** Readable for a person, and different for keys that differ only in case or in what a file name cannot hold. */
function fileNameOf(key: string): string {
  const readable = key.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
  return `${readable}-${sha256(key).toString('hex').slice(0, 16)}`;
}
