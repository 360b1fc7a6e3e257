import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, isAlive, RunningProcess, waitFor } from '@codex-gateways/testing';
import { descendantsOf } from './proc.ts';

const MAIN = new URL('../dist/main.js', import.meta.url).href;
// What bin/start.mjs does once everything is installed and built.
const RUN = `const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => ending.abort());
  await (await import(${JSON.stringify(MAIN)})).main(ending.signal);`;
const READY = /^stack ready: codex-auth (\S+), codex-app-gateway (\S+), codex-exec-gateway (\S+)$/m;
const LAST_LINE = /^Ctrl-C stops the stack and keeps its state\.$/m;
const START_TIMEOUT_MS = 180_000;

describe('npm start', () => {
  let folder: string;
  /** Used by one test after the other, as by one person. */
  let state: string;
  let ports: Record<string, string>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codex-gateways-start-'));
    state = join(folder, 'state');
    const names = ['CODEX_AUTH_PORT', 'CODEX_APP_GATEWAY_PORT', 'CODEX_EXEC_GATEWAY_PORT', 'LOCAL_POSTGRES_PORT'];
    ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, String(await freePort())])));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const { PATH, HOME } = process.env;
  const start = (env: Record<string, string> = {}) =>
    new RunningProcess(process.execPath, ['--input-type=module', '--eval', RUN], {
      env: { PATH, HOME, LOCAL_STATE_DIR: state, ...ports, ...env },
    });

  async function startUntilReady(env?: Record<string, string>) {
    const stack = start(env);
    const [, auth = '', app = '', exec = ''] = await stack.waitForOutput(READY, START_TIMEOUT_MS);
    await stack.waitForOutput(LAST_LINE, 60_000);
    return { stack, urls: { auth, app, exec } };
  }

  async function interrupt(stack: RunningProcess) {
    process.kill(stack.pid, 'SIGINT');
    process.kill(stack.pid, 'SIGINT'); // a terminal and npm deliver the same Ctrl-C
    const { code, signal } = await stack.exited;
    return { code, signal };
  }

  it('ends with code 0 on Ctrl-C, keeps its state, and shows the password of the first user once', async () => {
    const { stack: first, urls } = await startUntilReady();
    const [, password = ''] = /password\s+(\S{10,})\n/.exec(first.output) ?? [];
    expect(first.stdoutLines.filter((line) => line.startsWith('stack ready'))).toHaveLength(1);
    expect(first.output).toContain(`codex login --device-auth --experimental_issuer ${urls.auth}`);
    expect(first.output).toContain(`codex --remote ${urls.app.replace('http', 'ws')} --remote-auth-token-env`);
    expect(await interrupt(first)).toEqual({ code: 0, signal: null });
    await expect(fetch(`${urls.auth}/healthz`)).rejects.toThrow();

    const { stack: second } = await startUntilReady();
    expect(second.output).not.toContain(password);
    expect(readFileSync(join(state, 'secrets.json'), 'utf8')).toContain(password);
    expect(await interrupt(second)).toEqual({ code: 0, signal: null });
  });

  describe('while it runs', () => {
    let running: Awaited<ReturnType<typeof startUntilReady>>;
    beforeAll(async () => {
      running = await startUntilReady();
    });
    afterAll(() => interrupt(running.stack));

    it('serves health, readiness and metrics of every service, on loopback', async () => {
      const bases = Object.values(running.urls);
      const pages = bases.flatMap((base) => ['healthz', 'readyz', 'metrics'].map((path) => `${base}/${path}`));
      let statuses: number[] = [];
      const isServed = async () => {
        statuses = await Promise.all(pages.map(async (page) => (await fetch(page)).status));
        return statuses.every((status) => status === 200);
      };
      // On a starved machine the database may answer a readiness check too late once.
      await waitFor(isServed, { timeoutMs: 60_000, describe: () => `200 from ${pages}, which gave ${statuses}` });
      expect(bases.every((base) => base.startsWith('http://127.0.0.1:'))).toBe(true);
    });

    it('lets no second one run on the same state folder, and says so in one line', async () => {
      const { code, stdout, stderr } = await start().exited;
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(stdout).toMatch(
        new RegExp(`^Codex Gateways already runs here \\(process ${running.stack.pid}\\)[^\\n]*\\n$`),
      );
    });
  });

  it('takes everything with it when it is killed, and starts again afterwards', async () => {
    const { stack } = await startUntilReady();
    const children = (await descendantsOf(stack.pid)).map(({ pid }) => pid);
    expect(children.length).toBeGreaterThanOrEqual(4);
    process.kill(stack.pid, 'SIGKILL');
    const remaining = () => children.filter(isAlive);
    await waitFor(() => remaining().length === 0, {
      timeoutMs: 60_000,
      describe: () => `the end of ${remaining().join(', ')}`,
    });
    const { stack: again } = await startUntilReady();
    await interrupt(again);
  });

  it('can be interrupted while it starts', async () => {
    const stack = start();
    await stack.waitForOutput(/^Starting codex/m, START_TIMEOUT_MS);
    const children = (await descendantsOf(stack.pid)).map(({ pid }) => pid);
    expect(await interrupt(stack)).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
    expect(stack.output).not.toMatch(READY);
  });

  describe('names in one line what keeps it from starting', () => {
    async function failure(env: Record<string, string>) {
      const { code, stdout, stderr } = await start(env).exited;
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('Starting '));
      expect(lines).toHaveLength(1);
      return lines[0];
    }

    async function whileTaken(use: (port: number) => Promise<void>) {
      const stranger = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => stranger.once('listening', resolve));
      await use((stranger.address() as AddressInfo).port);
      await new Promise((resolve) => stranger.close(resolve));
    }

    it.each([
      ['CODEX_AUTH_PORT', 'codex-auth'],
      ['CODEX_APP_GATEWAY_PORT', 'codex-app-gateway'],
      ['CODEX_EXEC_GATEWAY_PORT', 'codex-exec-gateway'],
      ['LOCAL_POSTGRES_PORT', 'PostgreSQL'],
    ])('a taken %s', (variable, name) =>
      whileTaken(async (port) => {
        expect(await failure({ [variable]: String(port) })).toBe(
          `${name} does not start: port ${port} on 127.0.0.1 is taken by another program; set ${variable} to use another`,
        );
      }),
    );

    it('a missing codex binary', async () => {
      const line = await failure({ CXG_CODEX_BIN: '/nonexistent/codex' });
      expect(line).toMatch(/^codex-app-gateway does not start: .*\/nonexistent\/codex/);
    });

    it('a state folder that cannot be used', async () => {
      const file = join(folder, 'file');
      writeFileSync(file, '');
      expect(await failure({ LOCAL_STATE_DIR: file })).toMatch(
        new RegExp(`^the state folder ${file} cannot be used: `),
      );
    });

    it('damaged secrets', async () => {
      const damaged = join(folder, 'damaged');
      mkdirSync(damaged);
      writeFileSync(join(damaged, 'secrets.json'), '{');
      expect(await failure({ LOCAL_STATE_DIR: damaged })).toMatch(/secrets\.json is damaged/);
    });

    it('a database of DATABASE_URL that does not answer', async () => {
      const line = await failure({ DATABASE_URL: 'postgresql://u:hidden@127.0.0.1:1/d' });
      expect(line).toMatch(/^the database of DATABASE_URL does not answer: .*ECONNREFUSED/);
      expect(line).not.toContain('hidden');
    });

    it('a malformed setting, of the stack or of a service', async () => {
      expect(await failure({ CODEX_AUTH_PORT: 'http' })).toMatch(/CODEX_AUTH_PORT must be/);
      expect(await failure({ DEV_USER_PASSWORD: 'short' })).toMatch(/DEV_USER_PASSWORD must be/);
      expect(await failure({ CODEX_AUTH_ACCESS_TOKEN_TTL: 'soon' })).toMatch(
        /^codex-auth does not start: .*CODEX_AUTH_ACCESS_TOKEN_TTL must be/,
      );
    });
  });
});
