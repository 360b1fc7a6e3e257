import { fileURLToPath } from 'node:url';
import { freePort } from '@codex-gateways/testing';
import { somebodyListens, startHaproxy, startProgram } from '@codex-gateways/testing/bench';

const FLOOR = fileURLToPath(new URL('./floor-relay.mjs', import.meta.url));
const LEAST = fileURLToPath(new URL('./least-relay.mjs', import.meta.url));

/** The simplest relay with `ws` and bufferutil. */
export async function startFloor({ nodeOptions } = {}) {
  const port = await freePort();
  const relay = startProgram(FLOOR, { args: [String(port)], nodeOptions });
  await somebodyListens(port);
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

/** Joined sockets in Node.js, for which the load generator listens as for the proxy. */
export async function startLeast({ nodeOptions } = {}) {
  const serverPort = await freePort();
  const port = await freePort();
  const relay = startProgram(LEAST, { args: [String(port), String(serverPort)], nodeOptions });
  await somebodyListens(port);
  const harnessUrls = async (count) => Array(count).fill(`ws://127.0.0.1:${port}/`);
  return { name: 'joined sockets', pid: relay.pid, stop: relay.stop, serverPort, harnessUrls };
}

/** A proxy: it joins each harness to an executor of its own, for which the load generator listens at `serverPort`. */
export async function startTunnel() {
  const serverPort = await freePort();
  const haproxy = await startHaproxy({ serverPort });
  return haproxy && { ...haproxy, serverPort, harnessUrls: async (count) => Array(count).fill(haproxy.url) };
}
