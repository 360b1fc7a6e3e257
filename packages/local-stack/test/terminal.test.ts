import { createPool } from '@codex-gateways/database';
import {
  codexBinary,
  createCodexHome,
  describeWith,
  startCodex,
  startTerminal,
  type Terminal,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { LocalStack } from '../src/index.ts';
import { callApi } from './api.ts';
import { openSession } from './traffic/logins.ts';
import { startMarkerModel, startTestStack } from './use-local-stack.ts';

const MARKER = 'seen-in-a-terminal';
const PROMPT = 'say hello from the executor';
// What the screen shows of one prompt: the command as it ran, and the model's words about what it wrote.
const ANSWER = new RegExp(`it wrote.*marker=${MARKER}`, 's');

describeWith('tmux')('codex --remote, as a person sees it in a terminal', () => {
  const cleanup = useCleanup();
  let stack: LocalStack;
  let cookie: string;
  let workspaceId: string;
  let terminal: Terminal;
  let tokenId: string;

  const api = async <Body>(path: string, json?: object) =>
    (
      await callApi<Body>(`${stack.urls.auth}${path}`, {
        headers: { cookie },
        ...(json ? { method: 'POST', json: { workspace_id: workspaceId, name: 'terminal', ...json } } : {}),
      })
    ).body;

  async function openTerminal(token: string): Promise<Terminal> {
    const home = await createCodexHome({ config: `[projects."/"]\ntrust_level = "trusted"\n` });
    const args = ['--remote', stack.urls.app.replace('http', 'ws'), '--remote-auth-token-env', 'REMOTE_TOKEN'];
    const opened = await startTerminal({
      command: [await codexBinary(), ...args],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home.path,
        CODEX_HOME: home.path,
        REMOTE_TOKEN: token,
        LANG: 'C.UTF-8',
      },
      cwd: home.workFolder,
    });
    cleanup.after(async () => {
      await opened.close();
      await home.remove();
    });
    return opened;
  }

  beforeAll(async () => {
    stack = await startTestStack(cleanup, { env: await startMarkerModel(cleanup) });
    const db = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', maxConnections: 1 });
    cookie = await openSession(db);
    await db.end();
    workspaceId = (await api<{ id: string }[]>('/api/workspaces'))[0]?.id ?? '';
    const connector = await api<{ environment: Record<string, string>; command: string }>('/api/codex/connectors', {
      is_default: true,
    });
    const home = await createCodexHome();
    const executor = await startCodex({
      args: connector.command.split(' ').slice(1),
      env: { ...connector.environment, EXECUTOR_MARKER: MARKER },
      home,
    });
    cleanup.after(async () => {
      await executor.stop();
      await home.remove();
    });
    const isOnline = async () =>
      (await api<{ is_online: boolean }[]>(`/api/codex/connectors?workspace_id=${workspaceId}`))[0]?.is_online === true;
    await waitFor(isOnline, { timeoutMs: 60_000, describe: () => `the executor: ${executor.output}` });
  });

  /** Typed and sent as a person would: the Enter after the text has arrived, or it counts as pasted with it. */
  async function prompt(): Promise<void> {
    await terminal.type(PROMPT);
    await terminal.waitForScreen(new RegExp(`› ${PROMPT}\\n(?!.*• Ran)`, 's'), 60_000);
    await terminal.press('Enter');
  }

  it('starts, takes a typed prompt, and shows what the executor wrote', async () => {
    const { id, token } = await api<{ id: string; token: string }>('/api/codex/tokens', {});
    tokenId = id;
    terminal = await openTerminal(token);
    await terminal.waitForScreen(/› Ask Codex/, 60_000);
    await prompt();
    await terminal.waitForScreen(ANSWER, 60_000);
    await terminal.waitForScreen(/Worked for/, 60_000);
  });

  it('says that it has lost the gateway, and goes on in the same conversation when the gateway is back', async () => {
    await stack.child('app').stop();
    await terminal.waitForScreen(/Reconnecting to server/, 60_000);
    await stack.child('app').start();
    await terminal.waitForScreen(/^(?!.*Reconnecting).*› Ask Codex/s, 60_000);
    await prompt();
    // The first answer is still there, and below it the second.
    await terminal.waitForScreen(new RegExp(`${ANSWER.source}.*› ${PROMPT}.*${ANSWER.source}`, 's'), 60_000);
  });

  it('shows a warning when its remote token is revoked', async () => {
    await callApi(`${stack.urls.auth}/api/codex/tokens/${tokenId}`, { method: 'DELETE', headers: { cookie } });
    await terminal.waitForScreen(/Reconnecting to server/, 60_000);
    // Where the CLI keeps the server's warnings, after its own.
    await terminal.press('F2');
    let seen = '';
    const isShown = async () => {
      seen = await terminal.screen();
      if (/the remote token is no longer valid: this session is over/.test(seen)) return true;
      await terminal.press('Right');
      return false;
    };
    await waitFor(isShown, { timeoutMs: 60_000, intervalMs: 300, describe: () => `the warning:\n${seen}` });
  });

  it('ends with the status when its remote token is refused', async () => {
    const stranger = await openTerminal('ast_unknown_token');
    await expect(stranger.waitForScreen(/ended with exit code 1/, 60_000)).resolves.toMatch(
      /failed to connect to remote app server at .* 401 Unauthorized/,
    );
  });
});
