import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateEnv, newEnv, parseEnv } from './compose-file.ts';

describe('generate-env', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-gateways-env-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('writes a file that only its owner may read', () => {
    const file = join(folder, '.env');
    expect(generateEnv(file)).toEqual({ code: 0, stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('leaves an existing file alone and says so', () => {
    const file = join(folder, '.env');
    writeFileSync(file, 'KEPT=1\n');
    const { code, stderr } = generateEnv(file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/exists already/) });
    expect(readFileSync(file, 'utf8')).toBe('KEPT=1\n');
  });

  it('names the reason when it cannot write', () => {
    const { code, stderr } = generateEnv(join(folder, 'missing', '.env'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/ENOENT/) });
  });

  it('makes a master key of 32 bytes and other secrets of 256 bits, each of its own', () => {
    const env = newEnv();
    expect(Buffer.from(env.CODEX_AUTH_MASTER_KEY ?? '', 'base64')).toHaveLength(32);
    const names = ['POSTGRES_PASSWORD', 'INTERNAL_API_SECRET', 'EXEC_GATEWAY_SHARED_SECRET', 'CAPABILITY_TOKEN_SECRET'];
    const secrets = names.map((name) => env[name] ?? '');
    for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/);
    expect(new Set([...secrets, env.CODEX_AUTH_MASTER_KEY]).size).toBe(5);
  });

  it('never makes the same secrets twice', () => {
    const [first, second] = [newEnv(), newEnv()];
    const repeated = Object.keys(first).filter(
      (name) => /SECRET|PASSWORD|_KEY/.test(name) && first[name] === second[name],
    );
    expect(repeated).toEqual([]);
  });

  it('writes values that neither a shell nor Compose reads as anything else', () => {
    generateEnv(join(folder, '.env'));
    const values = Object.values(parseEnv(readFileSync(join(folder, '.env'), 'utf8')));
    expect(values.filter((value) => !/^[\w+/=:.@-]*$/.test(value))).toEqual([]);
  });
});
