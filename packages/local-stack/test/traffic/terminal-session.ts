import { setTimeout as delay } from 'node:timers/promises';
import { codexBinary, createCodexHome, startTerminal, type Terminal } from '@codex-gateways/testing';

/** An Enter right behind typed text is taken for a part of what was pasted. */
const PASTE_MS = 500;

/** The real `codex --remote` in a terminal, as it shows its prompt. The caller closes it. */
export async function openRemoteSession(url: string, token: string): Promise<Terminal> {
  const home = await createCodexHome({ config: '[projects."/"]\ntrust_level = "trusted"\n' });
  const terminal = await startTerminal({
    command: [await codexBinary(), '--remote', url.replace('http', 'ws'), '--remote-auth-token-env', 'REMOTE_TOKEN'],
    env: {
      ...{ PATH: process.env.PATH ?? '', HOME: home.path, CODEX_HOME: home.path },
      ...{ REMOTE_TOKEN: token, LANG: 'C.UTF-8' },
    },
    cwd: home.workFolder,
  });
  await terminal.waitForScreen(/›/, 30_000);
  return {
    ...terminal,
    close: async () => {
      await terminal.close();
      await home.remove();
    },
  };
}

/** A prompt, and the answer that holds what the command wrote, as they come up on the screen. */
export async function askInTerminal(terminal: Terminal, marker: string): Promise<void> {
  await terminal.type('who are you?');
  await terminal.waitForScreen(/› who are you\?/, 10_000);
  await delay(PASTE_MS);
  await terminal.press('Enter');
  await terminal.waitForScreen(new RegExp(`it wrote.*marker=${marker}`, 's'), 60_000);
}
