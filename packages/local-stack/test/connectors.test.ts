import { createHash, randomBytes } from 'node:crypto';
import { createPool, type Pool } from '@codex-gateways/database';
import { createCodexHome, type RunningProcess, startCodex, useCleanup, waitFor } from '@codex-gateways/testing';
import type { LocalStack } from '../src/index.ts';
import { lastWordsOf, startTestStack } from './use-local-stack.ts';

interface Connector {
  readonly exe_id: string;
  readonly environment: Record<string, string>;
  readonly command: string;
}

interface ListedConnector {
  readonly exe_id: string;
  readonly is_online: boolean;
}

describe('connectors, with codex-auth and codex-exec-gateway as they run', () => {
  const cleanup = useCleanup();
  let stack: LocalStack;
  let db: Pool;
  let cookie: string;
  let workspaceId: string;

  beforeAll(async () => {
    stack = await startTestStack(cleanup, {
      env: { CODEX_AUTH_CONNECTOR_CLEANUP_INTERVAL: '100ms' },
    });
    db = createPool({ databaseUrl: stack.databaseUrl, applicationName: 'test', maxConnections: 2 });
    cleanup.after(() => db.end());
    const members = await db.query('select user_id, workspace_id from codex_auth.workspace_members');
    workspaceId = members.rows[0].workspace_id;
    const session = randomBytes(32).toString('base64url');
    cookie = `codex_session=${session}`;
    await db.query(
      `insert into codex_auth.sessions (id_digest, user_id, expires_at) values ($1, $2, now() + interval '1 day')`,
      [createHash('sha256').update(session).digest(), members.rows[0].user_id],
    );
  });

  async function call<Body>(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
    const answer = await fetch(`${stack.urls.auth}${path}`, {
      method,
      headers: { cookie, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text ? JSON.parse(text) : undefined) as Body };
  }
  const add = (name: string) => call<Connector>('POST', '/api/codex/connectors', { workspace_id: workspaceId, name });
  const list = async () =>
    (await call<ListedConnector[]>('GET', `/api/codex/connectors?workspace_id=${workspaceId}`)).body;
  const remove = (exeId: string) => call('DELETE', `/api/codex/connectors/${exeId}`);
  const executorsThere = async () => {
    const { rows } = await db.query<{ exe_id: string }>(
      `select exe_id from codex_exec.executors union select exe_id from codex_exec.workspace_executors`,
    );
    return rows.map(({ exe_id }) => exe_id);
  };
  async function startExecutor({ command, environment }: Connector): Promise<RunningProcess> {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    const executor = await startCodex({ args: command.split(' ').slice(1), env: environment, home });
    cleanup.after(() => executor.stop());
    return executor;
  }
  const untilOnline = (exeId: string, executor: RunningProcess) =>
    waitFor(async () => (await list()).find((one) => one.exe_id === exeId)?.is_online, {
      timeoutMs: 60_000,
      describe: () => `the executor to be online: ${executor.output}`,
    });

  it('bring an executor online, and end it everywhere when they are removed', async () => {
    const { body: connector } = await add('laptop');
    const executor = await startExecutor(connector);
    await untilOnline(connector.exe_id, executor);
    expect((await remove(connector.exe_id)).status).toBe(204);
    expect(await executorsThere()).toEqual([]);
    const { code, stderr } = await executor.exited;
    expect(code).toBe(1);
    expect(stderr).toContain('these credentials are not accepted');
    expect(await list()).toEqual([]);
  });

  it('are neither lost nor left half-made when codex-exec-gateway is away', async () => {
    const { body: kept } = await add('kept');
    const { body: removed } = await add('removed');
    await stack.child('exec').stop();
    expect((await add('never')).status).toBe(503);
    expect((await remove(removed.exe_id)).status).toBe(204);
    await stack.child('exec').start();
    await db.query('update codex_auth.codex_connectors set cleanup_at = now() where cleanup_at is not null');
    await waitFor(async () => (await executorsThere()).length === 1, {
      timeoutMs: 60_000,
      describe: () => `the removal:\n${lastWordsOf(stack)}`,
    });
    expect(await executorsThere()).toEqual([kept.exe_id]);
    expect((await list()).map(({ exe_id }) => exe_id)).toEqual([kept.exe_id]);
    await untilOnline(kept.exe_id, await startExecutor(kept));
  });
});
