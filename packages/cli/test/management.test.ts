import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalStack } from '@codex-gateways/local-stack';
import {
  codexBinary,
  connectAppServer,
  createCodexHome,
  startProcess,
  useBrowser,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { Machine } from './program.ts';
import { signIn } from './sign-in.ts';
import { startStack } from './use-stack.ts';

interface Executor {
  readonly exe_id: string;
  readonly name: string;
  readonly is_online: boolean;
  readonly is_default: boolean;
}

describe('what a signed-in person manages, with the real services and the real Codex CLI', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let stack: LocalStack;
  let machine: Machine;

  beforeAll(async () => {
    // A connection whose token is revoked is closed because the gateway is told so, not because it asks again.
    stack = await startStack(cleanup, { CXG_REVERIFY_INTERVAL: '24h' });
    const { exec, app } = stack.urls;
    machine = new Machine(cleanup);
    const options = ['--secrets', 'file', '--exec-gateway', exec, '--app-gateway', app];
    await signIn(machine, { stack, page: await browser.newPage(), options });
  });

  const executors = () => machine.json<Executor[]>(['executors']);
  const isOnline = async (name: string) => (await executors()).find((each) => each.name === name)?.is_online;

  describe('connectors', () => {
    it('are added with a script that starts the real executor, which then is online', async () => {
      const { code, stdout } = await machine.run(['connector', 'add', 'build box', '--default', '--description', 'CI']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^# Executor "build box" \(exe_\S+\) of workspace /);
      expect(await isOnline('build box')).toBe(false);
      const home = await createCodexHome();
      cleanup.after(() => home.remove());
      const script = join(machine.folder, 'start.sh');
      writeFileSync(script, stdout.replace(/^codex /m, `exec ${await codexBinary()} `));
      const env = { PATH: process.env.PATH, HOME: home.path, CODEX_HOME: home.path };
      const executor = startProcess('sh', [script], { env });
      cleanup.after(() => executor.stop());
      await waitFor(() => isOnline('build box'), { timeoutMs: 60_000, describe: () => `online; ${executor.output}` });
      expect((await machine.run(['executors', '--online'])).stdout).toMatch(/^STATE .*\nonline {2}build box/);
      await executor.stop();
      await waitFor(async () => !(await isOnline('build box')), { timeoutMs: 60_000, describe: 'offline again' });
    });

    it('are added and run at once with --run, and cut off when they are removed', async () => {
      const home = await createCodexHome();
      cleanup.after(() => home.remove());
      const args = ['connector', 'add', 'here', '--run', '--codex', await codexBinary()];
      const running = machine.start(args, { CODEX_HOME: home.path });
      cleanup.after(() => running.stop());
      await waitFor(() => isOnline('here'), { timeoutMs: 60_000, describe: () => `online; ${running.output}` });
      const exeId = (await executors()).find(({ name }) => name === 'here')?.exe_id ?? '';
      expect(running.output).toContain(exeId);
      expect(running.output).not.toContain('CODEX_ACCESS_TOKEN=');
      expect((await machine.run(['connector', 'remove', exeId])).stdout).toBe(`Connector ${exeId} is removed.\n`);
      const exit = await running.exited; // its registration is refused, and that ends it
      expect(exit.code).not.toBe(0);
      expect((await executors()).map(({ name }) => name)).not.toContain('here');
    });

    it('end with --run when the person interrupts', async () => {
      const home = await createCodexHome();
      cleanup.after(() => home.remove());
      const args = ['connector', 'add', 'brief', '--run', '--codex', await codexBinary()];
      const running = machine.start(args, { CODEX_HOME: home.path });
      await waitFor(() => isOnline('brief'), { timeoutMs: 60_000, describe: () => `online; ${running.output}` });
      running.signal('SIGINT');
      expect((await running.exited).code).not.toBeNull();
      await waitFor(async () => !(await isOnline('brief')), { timeoutMs: 60_000, describe: 'offline' });
    });

    it('are not created when the program that is to run them is missing or unsuitable', async () => {
      const names = async () => (await executors()).map(({ name }) => name);
      const before = await names();
      const missing = await machine.run(['connector', 'add', 'x', '--run', '--codex', '/nonexistent/codex']);
      expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('name it with --codex') });
      const unsuitable = await machine.run(['connector', 'add', 'x', '--for', '0.145.0']);
      expect(unsuitable).toMatchObject({ code: 1, stderr: expect.stringContaining('0.142 to 0.147') });
      expect(await names()).toEqual(before);
    });

    it('get the command that an older Codex CLI needs', async () => {
      const added = await machine.json<{ exe_id: string; command: string; environment: Record<string, string> }>([
        'connector',
        'add',
        'old',
        '--for',
        '0.140.0',
      ]);
      const { auth, exec } = stack.urls;
      expect(added.command).toBe(
        `codex exec-server --remote ${exec} --environment-id ${added.exe_id} --use-agent-identity-auth -c 'chatgpt_base_url="${auth}/backend-api"'`,
      );
      expect(Object.keys(added.environment).sort()).toEqual([
        'CODEX_ACCESS_TOKEN',
        'CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL',
      ]);
    });

    it('are listed, and removing one again is fine', async () => {
      const { stdout } = await machine.run(['connector', 'list']);
      expect(stdout).toMatch(/^ID .*\n[\s\S]*build box \(default\) +o(n|ff)line/);
      const [first] = await machine.json<Executor[]>(['connector', 'list']);
      const remove = ['connector', 'remove', String(first?.exe_id)];
      expect([(await machine.run(remove)).code, (await machine.run(remove)).code]).toEqual([0, 0]);
    });

    it('of a workspace that is not among the person’s are wrong usage, with the choices', async () => {
      const { code, stderr } = await machine.run(['connector', 'list', '--workspace', 'elsewhere']);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/there is no "elsewhere" among your workspaces: .+\(.+\)/),
      });
    });
  });

  describe('remote tokens', () => {
    const verify = async (token: string) => {
      const answer = await fetch(`${stack.urls.auth}/api/internal/codex/tokens/verify`, {
        method: 'POST',
        headers: { 'X-Internal-Secret': stack.secrets.internalApiSecret, 'Content-Type': 'application/json' },
        body: JSON.stringify({ token }),
      });
      return answer.status;
    };

    it('are minted with nothing but the token on standard output, listed without it, and revoked', async () => {
      const { stdout, stderr } = await machine.run(['remote-token', 'mint', 'laptop', '--expires-in', '2d']);
      expect(stdout).toMatch(/^ast_\S+\n$/);
      expect(stderr).toContain(`codex --remote ${stack.urls.app.replace('http', 'ws')} --remote-auth-token-env`);
      const token = stdout.trim();
      expect(await verify(token)).toBe(200);
      const [listed] = await machine.json<{ id: string; name: string; expires_at: string }[]>(['remote-token', 'list']);
      expect(listed).toMatchObject({ name: 'laptop' });
      const lifetimeHours = (Date.parse(String(listed?.expires_at)) - Date.now()) / 3_600_000;
      expect(lifetimeHours).toBeGreaterThan(47);
      expect(lifetimeHours).toBeLessThanOrEqual(48);
      const list = await machine.run(['remote-token', 'list']);
      expect(list.stdout).toContain('laptop');
      expect(list.stdout).not.toContain(token);
      const revoked = await machine.run(['remote-token', 'revoke', String(listed?.id)]);
      expect(revoked).toMatchObject({ code: 0, stdout: `Remote token ${listed?.id} is revoked.\n` });
      expect(await verify(token)).toBe(401);
      expect((await machine.run(['remote-token', 'list'])).stdout).toBe('There are no remote tokens.\n');
      expect((await machine.run(['remote-token', 'list', '--all'])).stdout).toMatch(/laptop +revoked /);
    });

    it('in use show who is connected, and end their connections when they are revoked', async () => {
      const token = (await machine.run(['remote-token', 'mint', 'terminal'])).stdout.trim();
      const client = await connectAppServer({ url: stack.urls.app.replace('http', 'ws'), bearer: token });
      await client.initialize();
      const isListed = async () => (await machine.run(['sessions'])).stdout.includes('codex-gateways-tests 0.1.0');
      await waitFor(isListed, { timeoutMs: 60_000, intervalMs: 200, describe: 'the session in the list' });
      expect(await machine.json(['sessions'])).toMatchObject([{ email: 'dev@localhost', ip: '127.0.0.1' }]);
      await machine.run(['remote-token', 'revoke', String(token.split('_')[1])]);
      expect(await client.closed).toEqual({ code: 4401, reason: 'the remote token is no longer valid' });
      const isOver = async () => (await machine.run(['sessions'])).stdout === 'Nobody is connected.\n';
      await waitFor(isOver, { timeoutMs: 60_000, intervalMs: 200, describe: 'the end in the list' });
      expect((await machine.run(['sessions', '--all'])).stdout).toMatch(
        /^dev@localhost +codex-gateways-tests 0\.1\.0 +127/m,
      );
    });

    it('that the server refuses are errors in its words, with the request id and without a stack trace', async () => {
      const mint = ['remote-token', 'mint', 'long', '--expires-in', '4000d'];
      const { code, stderr } = await machine.run(mint);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^codex-gateways: .+ \(request \S+\)\n$/),
      });
      const json = JSON.parse((await machine.run([...mint, '--json'])).stderr);
      expect(json).toEqual({
        error: { code: expect.any(String), message: expect.any(String), request_id: expect.any(String) },
      });
    });
  });

  describe('turns', () => {
    const revoke = (env: Record<string, string>, ...more: string[]) =>
      machine.run(['turns', 'revoke', 'turn-1', ...more], env);

    it('are revoked with the gateways’ shared secret', async () => {
      const secret = { CXG_INTERNAL_SHARED_SECRET: stack.secrets.execSharedSecret };
      expect(await revoke(secret, '--for', '2h')).toMatchObject({ code: 0, stdout: 'Turn turn-1 is revoked.\n' });
    });

    it('are not revoked with another secret, or without one', async () => {
      expect(await revoke({ CXG_INTERNAL_SHARED_SECRET: 'another' })).toMatchObject({ code: 1 });
      expect(await revoke({})).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('CXG_INTERNAL_SHARED_SECRET'),
      });
    });
  });

  describe('doctor', () => {
    interface Report {
      readonly is_healthy: boolean;
      readonly checks: { name: string; status: string; message: string; fix?: string }[];
    }
    const look = async (args: string[] = [], env: Record<string, string> = {}) => {
      const { code, stdout } = await machine.run(['doctor', '--json', ...args], env);
      const report = JSON.parse(stdout) as Report;
      return { code, report, of: (name: string) => report.checks.find((check) => check.name === name) };
    };

    it('finds nothing wrong where nothing is', async () => {
      const codex = await codexBinary();
      let seen = await look(['--codex', codex]);
      const wrong = () => seen.report.checks.filter(({ status }) => status !== 'ok');
      const isFine = async () => {
        if (wrong().length > 0) seen = await look(['--codex', codex]);
        return wrong().length === 0;
      };
      // On a starved machine a service may answer a readiness check too late once.
      await waitFor(isFine, { timeoutMs: 60_000, describe: () => `a clean bill: ${JSON.stringify(wrong())}` });
      const { code, report } = seen;
      expect({ code, isHealthy: report.is_healthy }).toEqual({ code: 0, isHealthy: true });
      expect(report.checks.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['codex-auth', 'clock', 'codex-exec-gateway ready', 'secrets', 'sign-in', 'codex']),
      );
    });

    it('says which server does not answer, and which one is not what it should be', async () => {
      const { exec, auth } = stack.urls;
      const { code, of } = await look(['--exec-gateway', 'http://127.0.0.1:9', '--server', exec]);
      expect(code).toBe(1);
      expect(of('codex-auth')).toMatchObject({ status: 'failure', message: `${exec} answers, but is no codex-auth` });
      expect(of('codex-exec-gateway ready')).toMatchObject({
        status: 'failure',
        fix: expect.stringContaining('--exec-gateway'),
      });
      const other = await look(['--server', auth.replace('127.0.0.1', 'localhost')]);
      expect(other.of('codex-auth')).toMatchObject({
        status: 'failure',
        fix: expect.stringContaining(`--server ${auth}`),
      });
    });

    it('says what is the matter with the place for tokens', async () => {
      const env = { CODEX_GATEWAYS_SECRETS_KEY: Buffer.alloc(32, 1).toString('base64') };
      const { code, of } = await look([], env);
      expect(code).toBe(1);
      expect(of('sign-in')).toMatchObject({ status: 'failure', message: expect.stringContaining('does not open') });
    });

    it('names a service that is up and not ready', async () => {
      await stack.child('exec').stop();
      try {
        const { of } = await look();
        expect(of('codex-exec-gateway ready')).toMatchObject({ status: 'failure' });
        const { code, stderr } = await machine.run(['connector', 'add', 'nowhere']);
        expect({ code, stderr }).toEqual({
          code: 4,
          stderr: expect.stringMatching(/^codex-gateways: .+ \(request \S+\)\n$/),
        });
      } finally {
        await stack.child('exec').start();
      }
    });
  });

  it('no token reached the configuration file', () => {
    const files = readdirSync(join(machine.folder, 'config'), { recursive: true, withFileTypes: true });
    const text = files
      .filter((each) => each.isFile())
      .map((each) => readFileSync(join(each.parentPath, each.name), 'utf8'));
    expect(text.join('')).not.toMatch(/eyJ|ast_/);
  });

  it('a server that is gone is exit code 4', async () => {
    await stack.child('auth').stop();
    try {
      const { code, stderr } = await machine.run(['whoami']);
      expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining('cannot be reached') });
    } finally {
      await stack.child('auth').start();
    }
  });
});
