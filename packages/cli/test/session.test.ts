import { cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalStack } from '@codex-gateways/local-stack';
import { useBrowser, useCleanup } from '@codex-gateways/testing';
import { Machine } from './program.ts';
import { signIn } from './sign-in.ts';
import { fillSignIn, startStack } from './use-stack.ts';

describe('a sign-in, with the real codex-auth', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let stack: LocalStack;
  let machine: Machine;

  beforeAll(async () => {
    stack = await startStack(cleanup);
    machine = new Machine(cleanup);
  });

  const login = async (on: Machine, options: string[]) => signIn(on, { stack, page: await browser.newPage(), options });

  it('ends in the browser, remembers the server, and keeps no token in the configuration', async () => {
    const { code, stdout } = await login(machine, ['--secrets', 'file', '--exec-gateway', stack.urls.exec]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^Signed in to http:\S+ as dev@localhost\. The tokens are in the encrypted files in /,
      ),
    });
    const { auth: server, exec } = stack.urls;
    expect(machine.config()).toEqual({
      server,
      servers: {
        [server]: {
          client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
          secret_key: expect.stringMatching(/^GATEWAY_OAUTH_[0-9a-f]{8}$/),
          access_token_expires_at: expect.any(String),
          secrets: 'file',
          exec_gateway_url: exec,
        },
      },
    });
    expect(statSync(machine.configPath).mode & 0o777).toBe(0o600);
  });

  it('is shown by whoami', async () => {
    const { stdout } = await machine.run(['whoami']);
    expect(stdout).toMatch(/^dev@localhost \(\S+\) at http:/);
    expect(await machine.json(['whoami'])).toMatchObject({
      server: stack.urls.auth,
      user: { email: 'dev@localhost' },
      workspaces: [{ role: 'owner' }],
      secrets: 'file',
    });
  });

  it('gives scripts a token that the server accepts, and nothing else on standard output', async () => {
    const { stdout } = await machine.run(['token']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const header = (await machine.run(['token', '--header'])).stdout.trim();
    expect(header).toBe(`Authorization: Bearer ${stdout.trim()}`);
    const answer = await fetch(`${stack.urls.auth}/api/me`, { headers: { Authorization: header.slice(15) } });
    expect(answer.status).toBe(200);
  });

  const accessTokenFile = () => {
    const name = readdirSync(machine.secretsFolder).find((each) => /_AT-.*\.sealed$/.test(each));
    return join(machine.secretsFolder, String(name));
  };
  const forgetAccessToken = () => rmSync(accessTokenFile());

  it('is refreshed once by twenty processes that ask at once', async () => {
    const before = (await machine.run(['token'])).stdout;
    forgetAccessToken();
    const exits = await Promise.all(Array.from({ length: 20 }, () => machine.run(['token', '--verbose'])));
    expect(exits.map(({ code }) => code)).toEqual(Array(20).fill(0));
    expect(new Set(exits.map(({ stdout }) => stdout)).size).toBe(1);
    expect(exits[0]?.stdout).not.toBe(before);
    const refreshes = exits.flatMap(({ stderr }) => stderr.match(/POST \S+\/oauth\/token → 200/g) ?? []);
    expect(refreshes).toHaveLength(1);
  });

  it('survives a refresh whose answer never arrived', async () => {
    const copy = join(machine.folder, 'before');
    cpSync(machine.secretsFolder, copy, { recursive: true });
    forgetAccessToken();
    const lost = await machine.run(['token']);
    // The process was killed before it could store what it got: the disk still has the token from before.
    rmSync(machine.secretsFolder, { recursive: true });
    cpSync(copy, machine.secretsFolder, { recursive: true });
    forgetAccessToken();
    const again = await machine.run(['token']);
    expect([lost.code, again.code]).toEqual([0, 0]);
    expect(await machine.json(['whoami'])).toMatchObject({ user: { email: 'dev@localhost' } });
  });

  it('never shows a token with --verbose, nor writes one in clear', async () => {
    forgetAccessToken();
    const { stdout, stderr } = await machine.run(['token', '--verbose']);
    const whoami = await machine.run(['whoami', '--verbose']);
    expect(stderr).toMatch(/POST http:\S+\/oauth\/token → 200, request \S+ \(\d+ ms\)/);
    expect(whoami.stderr).toMatch(/GET http:\S+\/api\/me → 200, request \S+ \(\d+ ms\)/);
    const [head = '', body = '', signature = ''] = stdout.trim().split('.');
    const files = readdirSync(machine.folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    const written = files.map((each) => readFileSync(join(each.parentPath, each.name), 'latin1')).join('');
    for (const part of [head, body, signature]) {
      expect(stderr + whoami.stdout + whoami.stderr).not.toContain(part);
      expect(written).not.toContain(part);
    }
    expect(stderr + whoami.stderr).not.toMatch(/refresh_token|Bearer|code_verifier/i);
  });

  it('is replaced by a token from the environment where there is one', async () => {
    const name = (await machine.run(['token', '--env-var'])).stdout.trim();
    const accessToken = (await machine.run(['token'])).stdout.trim();
    const stranger = new Machine(cleanup, { CODEX_GATEWAYS_AUTH_URL: stack.urls.auth });
    expect((await stranger.run(['whoami'])).code).toBe(3);
    expect((await stranger.run(['whoami'], { [name]: accessToken })).stdout).toMatch(/^dev@localhost/);
  });

  it('by device code is approved on another device', async () => {
    const server = new Machine(cleanup);
    const running = server.start(['login', '--device-code', '--server', stack.urls.auth]);
    const [, verificationUri = ''] = await running.waitForOutput(/visit\n\n {2}(http\S+)/, 60_000);
    const [, code = ''] = await running.waitForOutput(/enter the code\n\n {2}(\S+)/, 60_000);
    const page = await browser.newPage();
    await page.goto(verificationUri);
    await fillSignIn(page, stack);
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    const { code: exitCode, stdout } = await running.exited;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('as dev@localhost') });
    // No keyring answers there, so the tokens are in encrypted files, by themselves.
    expect(server.config()).toMatchObject({ servers: { [stack.urls.auth]: { secrets: 'file' } } });
  });

  it('that the person denies is an error in words', async () => {
    const running = new Machine(cleanup).start([
      'login',
      '--device-code',
      '--server',
      stack.urls.auth,
      '--secrets',
      'file',
    ]);
    const [, code = ''] = await running.waitForOutput(/enter the code\n\n {2}(\S+)/, 60_000);
    const page = await browser.newPage();
    await page.goto(`${stack.urls.auth}/codex/device`);
    await fillSignIn(page, stack);
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Deny' }).click();
    const exit = await running.exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/codex-gateways: the sign-in failed: .*\(access_denied\)/);
  });

  it('that nobody completes ends by itself', async () => {
    const args = ['login', '--no-browser', '--secrets', 'file', '--timeout', '1', '--server', stack.urls.auth];
    expect(await new Machine(cleanup).run(args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('codex-gateways: nobody signed in within 1 s'),
    });
  });

  it('that was revoked elsewhere sends the person to log in again, with exit code 3', async () => {
    const other = new Machine(cleanup);
    expect((await login(other, ['--secrets', 'file'])).code).toBe(0);
    const copy = new Machine(cleanup);
    cpSync(other.folder, copy.folder, { recursive: true });
    expect((await copy.run(['logout'])).code).toBe(0);
    const { code, stderr } = await other.run(['whoami']);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('run "codex-gateways login') });
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('is revoked at the server by logout, and gone here', async () => {
    const accessToken = (await machine.run(['token'])).stdout.trim();
    expect(await machine.json(['logout'])).toMatchObject({ was_signed_in: true, is_revoked: true });
    expect(readdirSync(machine.secretsFolder).filter((name) => name.endsWith('.sealed'))).toEqual([]);
    const answer = await fetch(`${stack.urls.auth}/api/me`, { headers: { Authorization: `Bearer ${accessToken}` } });
    expect(answer.status).toBe(401);
    expect((await machine.run(['whoami'])).code).toBe(3);
    expect(await machine.json(['logout'])).toMatchObject({ was_signed_in: false });
  });
});
