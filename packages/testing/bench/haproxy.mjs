import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort, waitFor, whenThisProcessIsGone } from '@codex-gateways/testing';

/**
 * HAProxy in front of a WebSocket server: a tunnel, which neither unmasks nor looks. It bounds what any proxy can do here.
 * @param serverPort - of the server behind it
 * @returns undefined where it is not installed
 */
export async function startHaproxy({ serverPort }) {
  const program = findProgram('haproxy');
  if (!program) return undefined;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'bench-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(port, serverPort));
  const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  child.once('exit', whenThisProcessIsGone('kill -s KILL "$1"; rm -rf "$2"', [String(child.pid), folder]));
  await somebodyListens(port);
  return {
    name: 'HAProxy (a tunnel)',
    pid: child.pid,
    url: `ws://127.0.0.1:${port}/`,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

export async function somebodyListens(port) {
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
  await waitFor(answers, { timeoutMs: 15_000, describe: `somebody to listen on port ${port}` });
}

function configuration(port, serverPort) {
  return `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
listen proxy
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${serverPort}
`;
}
