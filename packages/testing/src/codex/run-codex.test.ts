import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { say } from '../model-server/model-script.ts';
import { codexModelConfig, startModelServer } from '../model-server/model-server.ts';
import { useCleanup } from '../processes/use-cleanup.ts';
import { waitFor } from '../waiting/wait-for.ts';
import { bundledCodexVersion, codexBinary } from './codex-binary.ts';
import { type CodexHome, createCodexHome } from './codex-home.ts';
import { runCodex, startCodex } from './run-codex.ts';

describe('the Codex CLI fixture', () => {
  const cleanup = useCleanup();
  let home: CodexHome;

  beforeAll(async () => {
    home = await createCodexHome();
    cleanup.after(() => home.remove());
  });

  it('runs the version that the repository depends on, as a native program', async () => {
    const { code, stdout, stderr } = await runCodex({ args: ['--version'], home });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `codex-cli ${await bundledCodexVersion()}\n`,
      stderr: '',
    });
    const start = (await readFile(await codexBinary())).subarray(0, 2).toString('latin1');
    expect(start).not.toBe('#!');
  });

  it('gives the CLI a home of its own, where it logs in', async () => {
    expect(await home.readAuth()).toBeUndefined();
    const login = await runCodex({ args: ['login', '--with-api-key'], home, input: 'key-of-the-test\n' });
    expect(login).toMatchObject({ code: 0, stderr: expect.not.stringContaining('WARNING') });
    expect(await home.readAuth()).toMatchObject({ OPENAI_API_KEY: 'key-of-the-test' });
    const logout = await runCodex({ args: ['logout'], home });
    expect(logout.code).toBe(0);
    expect(await home.readAuth()).toBeUndefined();
  });

  it('passes on no OpenAI or Codex variable of the surrounding environment', async () => {
    process.env.CODEX_API_KEY = 'from-outside';
    try {
      const env = await runCodex({ args: ['sandbox', '--', 'env'], home, env: { PASSED: 'explicitly' } });
      expect(env.stdout).toContain('PASSED=explicitly');
      expect(env.stdout).not.toContain('from-outside');
    } finally {
      delete process.env.CODEX_API_KEY;
    }
  });

  it('calls nobody by itself', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (req, socket) => {
      asked.push(req.url ?? '');
      socket.destroy();
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    cleanup.after(() => proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const model = await startModelServer({ script: [say('done')] });
    cleanup.after(() => model.close());
    const modelConfig = codexModelConfig(model.url);
    const withModel = await createCodexHome({ config: modelConfig.toml });
    cleanup.after(() => withModel.remove());
    const env = { ...modelConfig.env, HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: '127.0.0.1' };
    const { code } = await runCodex({ args: ['exec', '--skip-git-repo-check', 'hello'], home: withModel, env });
    expect({ code, asked }).toEqual({ code: 0, asked: [] });
  });

  it('stops a run that takes too long, and says what it wrote', async () => {
    const args = ['app-server', '--listen', 'ws://127.0.0.1:0'];
    let timeoutMs = 750;
    let complaint = '';
    const isComplete = async () => {
      timeoutMs *= 2; // until it is enough for the CLI to have written something
      complaint = String(await runCodex({ args, home, timeoutMs }).catch((error) => error));
      expect(complaint).toContain(`still ran after ${timeoutMs} ms; so far:`);
      return /so far:.*listening on/s.test(complaint);
    };
    await waitFor(isComplete, { timeoutMs: 120_000, describe: () => `what it wrote in: ${complaint}` });
  });

  it('stops a CLI that serves until it is told to', async () => {
    const codex = await startCodex({ args: ['app-server', '--listen', 'ws://127.0.0.1:0'], home });
    await codex.waitForOutput(/listening on: ws:\/\/127\.0\.0\.1:\d+/, 60_000);
    const exit = await codex.stop();
    expect(exit.signal === 'SIGTERM' || exit.code === 0).toBe(true);
  });

  it('deletes the home with everything in it', async () => {
    const other = await createCodexHome();
    await writeFile(join(other.workFolder, 'file'), '');
    await other.remove();
    expect(existsSync(other.path)).toBe(false);
  });
});
