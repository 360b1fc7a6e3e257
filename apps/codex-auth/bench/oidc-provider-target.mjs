import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createPool } from '@codex-gateways/database';
import { freePort } from '@codex-gateways/testing';
import { firstLine } from './load.mjs';

const SERVER = fileURLToPath(new URL('./oidc-provider-server.mjs', import.meta.url));
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** oidc-provider as a process over a database, with the same requests as codex-auth. */
export async function startOidcProvider(databaseUrl) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [SERVER, String(port), databaseUrl], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  const { accessToken } = await firstLine(child);
  const tokenRequest = (parameters) => ({
    path: '/token',
    headers: FORM,
    body: new URLSearchParams({ client_id: 'bench', ...parameters }).toString(),
  });
  const codeRequest = (code) =>
    tokenRequest({
      grant_type: 'authorization_code',
      redirect_uri: 'http://localhost:1455/auth/callback',
      code_verifier: 'v'.repeat(43),
      code,
    });
  const db = createPool({ databaseUrl, applicationName: 'bench' });
  return {
    url,
    pid: child.pid,
    db,
    async codes(count) {
      child.stdin.write(`${count}\n`);
      return firstLine(child);
    },
    codeRequest,
    refreshRequest: (refreshToken) => tokenRequest({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    async redeem(code) {
      const { path, headers, body } = codeRequest(code);
      return (await fetch(url + path, { method: 'POST', headers, body })).json();
    },
    introspectionRequest: {
      path: '/token/introspection',
      headers: { ...FORM, authorization: `Basic ${Buffer.from('rs:secret-of-the-bench').toString('base64')}` },
      body: new URLSearchParams({ token: accessToken }).toString(),
    },
    async stop() {
      await db.end();
      child.kill();
      await once(child, 'exit');
    },
  };
}
