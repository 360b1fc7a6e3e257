import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runModule } from '../../test/node-process.ts';
import { useTemporaryFolder } from '../../test/temporary-folder.ts';
import { EncryptedFileSecrets } from './encrypted-file-secrets.ts';

const temporary = useTemporaryFolder();
const newFolder = () => join(temporary.path, randomBytes(6).toString('hex'));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
const sealedFiles = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.sealed'));

async function withSecret(folder: string, options: { key?: string } = {}): Promise<EncryptedFileSecrets> {
  const secrets = new EncryptedFileSecrets({ folder, ...options });
  await secrets.set('TOKEN', 'the secret value');
  return secrets;
}

describe('encrypted files', () => {
  it('are private to their owner, whatever the umask, and do not show the value', async () => {
    const folder = newFolder();
    const before = process.umask(0);
    try {
      await withSecret(folder);
    } finally {
      process.umask(before);
    }
    const [file] = sealedFiles(folder).map((name) => join(folder, name));
    expect([folder, join(folder, 'key'), String(file)].map(modeOf)).toEqual(['700', '600', '600']);
    expect(readFileSync(String(file)).includes('secret')).toBe(false);
  });

  it('leave no scratch files behind', async () => {
    const folder = newFolder();
    const secrets = await withSecret(folder);
    await secrets.set('TOKEN', 'another');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('open for the next process', async () => {
    const folder = newFolder();
    await withSecret(folder);
    expect(await new EncryptedFileSecrets({ folder }).get('TOKEN')).toBe('the secret value');
  });

  it('get one key from twenty processes that write at once for the first time', async () => {
    const folder = newFolder();
    const write = (index: number) =>
      runModule(
        `import { EncryptedFileSecrets } from 'DIST/secrets/encrypted-file-secrets.js';
         await new EncryptedFileSecrets({ folder: process.env.FOLDER }).set(process.env.KEY, 'value');`,
        { FOLDER: folder, KEY: `KEY_${index}` },
      );
    const exits = await Promise.all(Array.from({ length: 20 }, (_, index) => write(index)));
    expect(exits.map(({ stderr }) => stderr).join('')).toBe('');
    const secrets = new EncryptedFileSecrets({ folder });
    for (let index = 0; index < 20; index += 1) expect(await secrets.get(`KEY_${index}`)).toBe('value');
  });

  it('do not need a key file when the key is given', async () => {
    const folder = newFolder();
    await withSecret(folder, { key: randomBytes(32).toString('base64') });
    expect(readdirSync(folder)).not.toContain('key');
  });

  it('refuse a given key of another length, without repeating it', () => {
    const key = randomBytes(31).toString('base64');
    expect(() => new EncryptedFileSecrets({ folder: newFolder(), key })).toThrow('a sealing key is 32 bytes in base64');
  });
});

describe('encrypted files that cannot be trusted', () => {
  it('say that the key is another one', async () => {
    const folder = newFolder();
    await withSecret(folder);
    const other = new EncryptedFileSecrets({ folder, key: randomBytes(32).toString('base64') });
    await expect(other.get('TOKEN')).rejects.toMatchObject({
      code: 'secrets_unreadable',
      message: expect.stringContaining('restore its key, or sign in again'),
    });
  });

  it('say so when they were altered, cut short, or put in the place of another', async () => {
    const folder = newFolder();
    const secrets = await withSecret(folder);
    const file = join(folder, String(sealedFiles(folder)[0]));
    const original = readFileSync(file);
    await secrets.set('OTHER', 'value');
    const other = join(folder, String(sealedFiles(folder).find((name) => name.startsWith('OTHER'))));
    copyFileSync(file, other);
    await expect(secrets.get('OTHER')).rejects.toMatchObject({ code: 'secrets_unreadable' });
    for (const content of [original.subarray(0, 20), Buffer.alloc(0), Buffer.concat([original, Buffer.from('x')])]) {
      writeFileSync(file, content);
      await expect(secrets.get('TOKEN')).rejects.toMatchObject({ code: 'secrets_unreadable' });
    }
  });

  it('are refused when others may read the secret, read the key, or write to the folder', async () => {
    const folder = newFolder();
    await withSecret(folder);
    const file = join(folder, String(sealedFiles(folder)[0]));
    const keyFile = join(folder, 'key');
    for (const [path, mode, fix] of [
      [file, 0o644, `chmod go-rwx ${file}`],
      [keyFile, 0o640, `chmod go-rwx ${keyFile}`],
    ] as const) {
      chmodSync(path, mode);
      const message = expect.stringContaining(fix);
      await expect(new EncryptedFileSecrets({ folder }).get('TOKEN')).rejects.toMatchObject({
        code: 'secrets_unreadable',
        message,
      });
      chmodSync(path, 0o600);
    }
    chmodSync(folder, 0o777);
    await expect(new EncryptedFileSecrets({ folder }).set('TOKEN', 'x')).rejects.toThrow(`chmod go-w ${folder}`);
  });

  it('say what is wrong with a key file that holds no key', async () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, 'key'), 'not a key', { mode: 0o600 });
    await expect(withSecret(folder)).rejects.toThrow('does not hold a key of 32 bytes in base64');
  });

  it('say so when the folder cannot be made', async () => {
    const file = newFolder();
    writeFileSync(file, '');
    await expect(withSecret(join(file, 'below'))).rejects.toMatchObject({ code: 'secrets_unavailable' });
  });
});
