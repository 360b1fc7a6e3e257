import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR_ENVIRONMENT } from '@codex-gateways/runtime';
import { freePort } from '@codex-gateways/testing';
import { somebodyListens, startProgram } from '@codex-gateways/testing/bench';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const MANY = '100000';

/** The real service in front of the app-server, everything switched on, as it is by default; only how many may connect is raised. */
export async function startGateway({ appServerUrl, verifierUrl, nodeOptions }) {
  const port = await freePort();
  const program = startProgram(fileOf('../dist/main.js'), {
    nodeOptions,
    env: {
      ...ALLOCATOR_ENVIRONMENT,
      CXG_APP_PORT: String(port),
      CXG_APP_SERVER_URL: appServerUrl,
      CXG_AGENTSERVER_INTERNAL_URL: verifierUrl,
      CXG_AGENTSERVER_INTERNAL_SECRET: randomBytes(16).toString('hex'),
      CXG_MAX_CONNECTIONS: MANY,
      CXG_MAX_CONNECTIONS_PER_WORKSPACE: MANY,
      CXG_DRAIN_TIMEOUT: '0s',
    },
  });
  await somebodyListens(port);
  return { name: 'codex-app-gateway', ...program, url: `ws://127.0.0.1:${port}/` };
}

/** @param options.verifierUrl - absent for one that lets everybody in */
export async function startNaiveProxy({ appServerUrl, verifierUrl, nodeOptions }) {
  const port = await freePort();
  const args = [String(port), appServerUrl, ...(verifierUrl ? [verifierUrl] : [])];
  const program = startProgram(fileOf('naive-proxy.mjs'), { args, nodeOptions });
  await somebodyListens(port);
  return {
    name: verifierUrl ? 'naive, verifying' : 'naive (ws + bufferutil)',
    ...program,
    url: `ws://127.0.0.1:${port}/`,
  };
}

/** What any proxy written in Node.js pays. */
export async function startLeastProxy({ appServerUrl, verifierUrl, nodeOptions }) {
  const port = await freePort();
  const program = startProgram(fileOf('least-proxy.mjs'), {
    args: [String(port), appServerUrl, verifierUrl],
    nodeOptions,
  });
  await somebodyListens(port);
  return { name: 'the least, verifying', ...program, url: `ws://127.0.0.1:${port}/` };
}

/** Two sockets and nothing between them. */
export async function startPipe({ appServerUrl, nodeOptions }) {
  const port = await freePort();
  const program = startProgram(fileOf('pipe.mjs'), { args: [String(port), appServerUrl], nodeOptions });
  await somebodyListens(port);
  return { name: 'a pipe in Node.js', ...program, url: `ws://127.0.0.1:${port}/` };
}

/** Says yes to every token: a process of its own, as codex-auth would be. */
export async function startVerifier() {
  const port = await freePort();
  const program = startProgram(fileOf('verifier.mjs'), { args: [String(port)] });
  await somebodyListens(port);
  return { ...program, url: `http://127.0.0.1:${port}` };
}
