import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { memoryKeyring } from '../../test/memory-keyring.ts';
import { useTemporaryFolder } from '../../test/temporary-folder.ts';
import { secretEnvVar } from '../naming.ts';
import { EncryptedFileSecrets } from './encrypted-file-secrets.ts';
import { EnvironmentSecrets } from './environment-secrets.ts';
import { KeyringSecrets } from './keyring-secrets.ts';
import { LayeredSecrets } from './layered-secrets.ts';
import { MemorySecrets } from './memory-secrets.ts';
import type { SecretsProvider } from './secrets-provider.ts';

const folder = useTemporaryFolder();

function newFolder(): string {
  const path = join(folder.path, randomBytes(6).toString('hex'));
  mkdirSync(path, { mode: 0o700 });
  return path;
}

const WRITABLE: Record<string, () => SecretsProvider> = {
  memory: () => new MemorySecrets(),
  'encrypted files with a key file': () => new EncryptedFileSecrets({ folder: join(newFolder(), 'made', 'by itself') }),
  'encrypted files with a given key': () =>
    new EncryptedFileSecrets({ folder: newFolder(), key: randomBytes(32).toString('base64') }),
  // Machines without a desktop have no keyring: here the code runs up to the library's own interface.
  "the operating system's keyring": () =>
    new KeyringSecrets({ service: 'codex-gateways-test', lockFolder: newFolder(), load: memoryKeyring() }),
  'a layer over another provider': () =>
    new LayeredSecrets({ overrides: new EnvironmentSecrets({}), store: new MemorySecrets() }),
};

describe.each(Object.entries(WRITABLE))('secrets in %s', (_, create) => {
  const key = `REFRESH_${randomBytes(4).toString('hex')}`;

  it('are absent before they are set', async () => {
    expect(await create().get(key)).toBeUndefined();
  });

  it('are what was set last, byte for byte', async () => {
    const secrets = create();
    await secrets.set(key, 'first');
    const value = `${'x'.repeat(2000)} "quoted"\n|2026-01-01T00:00:00Z|ünïcödé 🔑`;
    await secrets.set(key, value);
    expect(await secrets.get(key)).toBe(value);
    await secrets.delete(key);
  });

  it('are kept apart by key, also by keys that differ in case or in odd characters', async () => {
    const secrets = create();
    const keys = [key, key.toLowerCase(), `${key}/../x`, `${key} x`, `${key}:x`];
    for (const each of keys) await secrets.set(each, `value of ${each}`);
    for (const each of keys) expect(await secrets.get(each)).toBe(`value of ${each}`);
    for (const each of keys) await secrets.delete(each);
  });

  it('are gone after they are deleted, and deleting again is fine', async () => {
    const secrets = create();
    await secrets.set(key, 'value');
    await secrets.delete(key);
    await secrets.delete(key);
    expect(await secrets.get(key)).toBeUndefined();
  });

  it('let one caller at a time do exclusive work on a key, and another key go on', async () => {
    const secrets = create();
    await secrets.set(key, '0');
    const countUp = () =>
      secrets.exclusive(key, async () => {
        const count = Number(await secrets.get(key));
        await secrets.exclusive(`other ${key}`, async () => undefined);
        await secrets.set(key, String(count + 1));
      });
    await Promise.all([countUp(), countUp(), countUp(), countUp()]);
    expect(await secrets.get(key)).toBe('4');
    await secrets.delete(key);
  });

  it('give back what exclusive work returns, and are free after work that failed', async () => {
    const secrets = create();
    await expect(secrets.exclusive(key, () => Promise.reject(new Error('failed work')))).rejects.toThrow('failed work');
    await expect(secrets.exclusive(key, async () => 'done')).resolves.toBe('done');
  });
});

describe('secrets in the environment', () => {
  const secrets = new EnvironmentSecrets({ [secretEnvVar('KEY')]: 'value', [secretEnvVar('EMPTY')]: '' });

  it('are read from the variable of their key', async () => {
    expect(await secrets.get('KEY')).toBe('value');
    expect(await secrets.get('EMPTY')).toBeUndefined();
    expect(await secrets.get('OTHER')).toBeUndefined();
  });

  it('cannot be written', async () => {
    expect(secrets.isReadOnly).toBe(true);
    await expect(secrets.set()).rejects.toMatchObject({ code: 'secrets_read_only' });
    await expect(secrets.delete()).rejects.toMatchObject({ code: 'secrets_read_only' });
    await expect(secrets.exclusive('KEY', async () => 'done')).resolves.toBe('done');
  });

  it('come before those of the store under them', async () => {
    const store = new MemorySecrets();
    await store.set('KEY', 'stored');
    await store.set('OTHER', 'stored too');
    const layered = new LayeredSecrets({ overrides: secrets, store });
    expect(await layered.get('KEY')).toBe('value');
    expect(await layered.get('OTHER')).toBe('stored too');
    await layered.set('KEY', 'new');
    expect(await store.get('KEY')).toBe('new');
  });
});
