import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, waitFor } from '@codex-gateways/testing';
import { startRelay } from './processes.mjs';

const FLOOR = fileURLToPath(new URL('./floor-relay.mjs', import.meta.url));

/** The simplest relay with `ws` and bufferutil. */
export async function startFloor({ nodeOptions } = {}) {
  const port = await freePort();
  const relay = startRelay(FLOOR, { args: [String(port)], nodeOptions });
  await listening(port);
  const url = `ws://127.0.0.1:${port}`;
  return {
    name: 'ws + bufferutil',
    pid: relay.pid,
    memory: relay.memory,
    stop: relay.stop,
    executorUrl: async () => `${url}/executor/one`,
    harnessUrls: async (count) => Array(count).fill(`${url}/harness/one`),
    idleUrls: (count) => Array.from({ length: count }, (_, index) => `${url}/executor/idle-${index}`),
  };
}

/**
 * HAProxy in front of a WebSocket server: a tunnel, which neither unmasks nor routes. It bounds what any proxy can do here.
 * @returns undefined where it is not installed
 */
export async function startHaproxy() {
  const program = findHaproxy();
  if (!program) return undefined;
  const [port, serverPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'bench-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(port, serverPort));
  const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  await listening(port);
  return {
    name: 'HAProxy (a tunnel)',
    pid: child.pid,
    serverPort,
    harnessUrls: async (count) => Array.from({ length: count }, () => `ws://127.0.0.1:${port}/`),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

function configuration(port, serverPort) {
  return `
global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
listen relay
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${serverPort}
`;
}

function findHaproxy() {
  const path = [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter);
  try {
    return execFileSync('sh', ['-c', 'command -v haproxy'], { env: { PATH: path }, encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

async function listening(port) {
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
  await waitFor(answers, { timeoutMs: 15_000, describe: `somebody to listen on port ${port}` });
}
