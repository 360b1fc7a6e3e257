import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePassword, loadSecrets, saveSecrets } from './secrets.ts';

describe('secrets of a stack', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-gateways-secrets-'));
    file = join(folder, 'secrets.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are generated once, all different, readable by their owner only', () => {
    const first = loadSecrets(file);
    expect(loadSecrets(file)).toEqual(first);
    const { users, ...values } = first;
    expect(new Set(Object.values(values)).size).toBe(5);
    expect(Buffer.from(first.masterKey, 'base64')).toHaveLength(32);
    expect(users).toEqual({});
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['secrets.json']);
  });

  it('are closed again when somebody opened the file', () => {
    loadSecrets(file);
    chmodSync(file, 0o644);
    loadSecrets(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keep what is added', () => {
    const secrets = loadSecrets(file);
    secrets.users['dev@localhost'] = { password: 'x', shown: true };
    saveSecrets(file, secrets);
    expect(loadSecrets(file)).toEqual(secrets);
  });

  it.each(['', '{"postgresPassword":', '{}'])('are not replaced when the file is damaged (%j)', (text) => {
    writeFileSync(file, text);
    expect(() => loadSecrets(file)).toThrow(`${file} is damaged`);
  });

  it('passwords are typed easily and never alike', () => {
    const passwords = Array.from({ length: 100 }, generatePassword);
    expect(new Set(passwords).size).toBe(100);
    expect(passwords.every((password) => /^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/.test(password))).toBe(true);
  });
});
