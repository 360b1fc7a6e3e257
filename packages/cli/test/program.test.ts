import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { Machine } from './program.ts';

describe('the program', () => {
  const cleanup = useCleanup();
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine(cleanup);
  });

  it('shows its help on standard output, with exit codes and variables', async () => {
    const { code, stdout } = await machine.run(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Exit codes: 0 done, 1 refused or broken, 2 wrong usage, 3 not signed in, 4 a server/);
    expect(stdout).toContain('CODEX_GATEWAYS_AUTH_URL');
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await machine.run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['whoami', '--frobnicate']],
    ['a missing argument', ['connector', 'add']],
    ['an argument too many', ['whoami', 'me']],
    ['half a command', ['remote-token']],
    ['no server', ['whoami']],
    ['a server that is no URL', ['whoami', '--server', 'auth.example']],
    ['a server with a password in its URL', ['whoami', '--server', 'https://a:b@auth.example']],
    [
      'a malformed duration',
      ['remote-token', 'mint', 'x', '--expires-in', 'tomorrow', '--server', 'http://127.0.0.1:1'],
    ],
    ['an unknown place for tokens', ['login', '--secrets', 'post-it', '--server', 'http://127.0.0.1:1']],
  ])('says what is wrong with %s, with exit code 2', async (_, args) => {
    const { code, stdout, stderr } = await machine.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('says so as JSON when it is asked to', async () => {
    const { code, stderr } = await machine.run(['whoami', '--frobnicate', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'usage', message: "unknown option '--frobnicate'" } });
  });

  it('sends a person who is not signed in to login, with exit code 3', async () => {
    const { code, stderr } = await machine.run(['whoami', '--server', 'http://127.0.0.1:1/']);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr:
        'codex-gateways: nobody is signed in at http://127.0.0.1:1; run "codex-gateways login --server http://127.0.0.1:1"\n',
    });
  });

  it('takes the command line before the environment, and that before the configuration', async () => {
    mkdirSync(dirname(machine.configPath), { recursive: true });
    writeFileSync(machine.configPath, JSON.stringify({ server: 'http://127.0.0.1:3', servers: {} }));
    const askedServer = async (args: string[], env: Record<string, string>) =>
      /http:\/\/127\.0\.0\.1:\d/.exec((await machine.run(['whoami', ...args], env)).stderr)?.[0];
    const env = { CODEX_GATEWAYS_AUTH_URL: 'http://127.0.0.1:2' };
    expect(await askedServer(['--server', 'http://127.0.0.1:1'], env)).toBe('http://127.0.0.1:1');
    expect(await askedServer([], env)).toBe('http://127.0.0.1:2');
    expect(await askedServer([], {})).toBe('http://127.0.0.1:3');
  });

  it('says which file is broken', async () => {
    mkdirSync(dirname(machine.configPath), { recursive: true });
    writeFileSync(machine.configPath, '{');
    const { code, stderr } = await machine.run(['whoami']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`${machine.configPath} cannot be used`),
    });
  });

  it('says that a given sealing key is none, without repeating it', async () => {
    const args = ['whoami', '--server', 'http://127.0.0.1:1'];
    const { code, stderr } = await machine.run(args, { CODEX_GATEWAYS_SECRETS_KEY: 'c2hvcnQ=' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'codex-gateways: CODEX_GATEWAYS_SECRETS_KEY must be 32 bytes in base64 (openssl rand -base64 32)\n',
    });
  });

  it('says that there is no keyring when one is asked for', async () => {
    const { code, stderr } = await machine.run(['login', '--secrets', 'keyring', '--server', 'http://127.0.0.1:1']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("the operating system's keyring cannot be used"),
    });
  });

  it('ends at once when the person interrupts', async () => {
    let connections = 0;
    const silent = createServer(() => {
      connections += 1;
    }).listen(0, '127.0.0.1');
    cleanup.after(() => silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const login = machine.start(['login', '--server', `http://127.0.0.1:${port}`, '--secrets', 'file']);
    await waitFor(() => connections > 0, { timeoutMs: 60_000, describe: () => `a request; ${login.output}` });
    login.signal('SIGINT');
    expect(await login.exited).toMatchObject({ code: 130 });
  });
});

describe('the package', () => {
  it.each([
    ['cli', ['bin/codex-gateways.mjs', 'dist/main.js', 'README.md']],
    ['token-source', ['dist/index.js', 'README.md']],
    ['crypto', ['dist/index.js', 'README.md']],
  ])('%s is packed with what runs, and without sources and tests', (name, expected) => {
    const cwd = fileURLToPath(new URL(`../../${name}/`, import.meta.url));
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd, encoding: 'utf8', stdio: 'pipe' });
    const [{ files }] = JSON.parse(packed) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(expected));
    expect(paths.filter((path) => /^(src|test)\/|\.test\./.test(path))).toEqual([]);
  });
});

describe('completion', () => {
  const cleanup = useCleanup();
  let script: string;
  beforeAll(async () => {
    script = (await new Machine(cleanup).run(['completion', 'bash'])).stdout;
  });

  /** What bash offers for the last word. */
  function complete(...words: string[]): string[] {
    const line = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(codex-gateways ${line}); COMP_CWORD=${words.length}; _codex_gateways; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  }

  it('offers commands, subcommands, options and choices in a real bash', () => {
    expect(complete('log')).toEqual(['login', 'logout']);
    expect(complete('remote-token', '')).toEqual(expect.arrayContaining(['mint', 'list', 'revoke']));
    expect(complete('connector', 'add', 'laptop', '--de')).toEqual(['--description', '--default']);
    expect(complete('--json', 'connector', 'l')).toEqual(['list']);
    expect(complete('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(complete('whoami', '--ser')).toEqual(['--server']);
  });

  it.each([
    ['zsh', '#compdef codex-gateways'],
    ['fish', '# codex-gateways completion for fish'],
  ])('exists for %s, with every command', async (shell, firstLine) => {
    const { code, stdout } = await new Machine(cleanup).run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toContain(firstLine);
    for (const command of ['login', 'connector', 'remote-token', 'executors', 'turns', 'doctor']) {
      expect(stdout).toContain(`'${command}`);
    }
  });

  it('refuses a shell that it does not know', async () => {
    expect(await new Machine(cleanup).run(['completion', 'csh'])).toMatchObject({ code: 2 });
  });
});
