import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createPool } from '@codex-gateways/database';
import { ALLOCATOR_ENVIRONMENT } from '@codex-gateways/runtime';
import { freePort, waitFor } from '@codex-gateways/testing';
import { startProgram } from '@codex-gateways/testing/bench';
import { capabilityToken } from '@codex-gateways/tokens';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CAPTOKEN_SECRET = 'capability-secret-of-the-bench';
const INTERNAL_SECRET = 'internal-secret-of-the-bench';
const OWNER = 'user-of-the-bench';
const WORKSPACE = 'workspace-of-the-bench';
const SUITE = 'Noise_hybridIK_X25519+MLKEM768_AESGCM_SHA256';
const KEY = {
  suite: SUITE,
  x25519_public_key: Buffer.alloc(32, 1).toString('base64'),
  mlkem768_public_key: Buffer.alloc(1184, 2).toString('base64'),
};

/** The real service over a database, everything switched on, as it is by default. */
export async function startGateway(databaseUrl, { nodeOptions } = {}) {
  const validator = await startValidator();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const relay = startProgram(MAIN, {
    nodeOptions,
    env: {
      ...ALLOCATOR_ENVIRONMENT,
      CXG_PORT: String(port),
      CXG_DATABASE_URL: databaseUrl,
      CXG_CAPTOKEN_HMAC_SECRET: CAPTOKEN_SECRET,
      CXG_INTERNAL_SHARED_SECRET: 'shared-secret-of-the-bench',
      CXG_AGENTSERVER_INTERNAL_URL: validator.url,
      CXG_AGENTSERVER_INTERNAL_SECRET: INTERNAL_SECRET,
      CXG_MAX_CONNECTIONS_PER_USER: '1000000',
      CXG_DRAIN_TIMEOUT: '0s',
    },
  });
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor(isReady, { timeoutMs: 60_000, describe: 'codex-exec-gateway to be ready' });
  const db = createPool({ databaseUrl, applicationName: 'bench', maxConnections: 2 });
  const agent = new Agent({ keepAlive: true });
  const register = async (exeId) => {
    const body = { security_profile: 'noise_hybrid_ik_v1', executor_public_key: KEY };
    return (await post(`${url}/cloud/environment/${exeId}/register`, { agent, token: 'owner', body })).url;
  };
  const [exeId] = await insertExecutors(db, 1);
  return {
    name: 'codex-exec-gateway',
    pid: relay.pid,
    memory: relay.memory,
    register,
    newExecutors: (count) => insertExecutors(db, count),
    executorUrl: () => register(exeId),
    harnessUrls: (count) => Promise.all(Array.from({ length: count }, () => bridgeUrl(url, { agent, exeId }))),
    async stop() {
      agent.destroy();
      await db.end();
      await relay.stop();
      validator.stop();
    },
  };
}

async function bridgeUrl(url, { agent, exeId }) {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { turn_id: `turn-${exeId}`, workspace_id: WORKSPACE, iat, exp: iat + 3600 };
  const token = capabilityToken.mint(claims, CAPTOKEN_SECRET);
  const answer = await post(`${url}/cloud/environment/${exeId}/connect`, {
    agent,
    token,
    body: { harness_public_key: KEY },
  });
  return answer.url;
}

/** Stands for codex-auth: knows everybody. */
async function startValidator() {
  const server = createServer((req, res) => {
    req.resume().on('end', () => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ user_id: OWNER }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function insertExecutors(db, count) {
  const exeIds = Array.from({ length: count }, () => `exe_${randomUUID()}`);
  await db.query(
    `with made as (
       insert into codex_exec.executors (exe_id, owner_user_id, display_name)
       select exe_id, $2, 'bench' from unnest($1::text[]) as exe_id
       returning exe_id)
     insert into codex_exec.workspace_executors (workspace_id, exe_id, name)
     select $3, exe_id, exe_id from made`,
    [exeIds, OWNER, WORKSPACE],
  );
  return exeIds;
}

function post(url, { agent, token, body }) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const req = request(url, { method: 'POST', agent, headers }, async (res) => {
      let text = '';
      for await (const chunk of res.setEncoding('utf8')) text += chunk;
      if (res.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(`${res.statusCode}: ${text}`));
    });
    req.on('error', reject);
    req.end(JSON.stringify(body));
  });
}
