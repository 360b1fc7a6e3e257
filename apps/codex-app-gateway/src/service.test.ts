import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AppServerClient,
  freePort,
  lastUserText,
  type ModelServer,
  runTurn,
  say,
  startModelServer,
  useCleanup,
} from '@codex-gateways/testing';
import { connect, createWorld, get, type World } from '../test/world.ts';
import type { AppGateway } from './index.ts';

interface ThreadList {
  data: { id: string; preview: string }[];
}

describe('codex-app-gateway, with the real app-server', () => {
  const cleanup = useCleanup();
  let world: World;
  let model: ModelServer;
  let gateway: AppGateway;
  const modelSettings = () => ({ CXG_MODEL_PROVIDER_BASE_URL: model.url, CXG_CODEX_API_KEY: 'key-of-the-model' });

  beforeAll(async () => {
    world = await createWorld(cleanup);
    model = await startModelServer({ script: (request) => say(`you said: ${lastUserText(request)}`) });
    cleanup.after(() => model.close());
    gateway = await world.start(modelSettings());
  });

  const threadsOf = async (client: AppServerClient) => {
    await client.initialize();
    return (await client.request<ThreadList>('thread/list', { limit: 100 })).data.map(({ preview }) => preview);
  };

  it('carries a whole session: initialize, thread, turn, the answer of the model', async () => {
    const client = await connect(gateway);
    expect(await client.initialize()).toMatchObject({ platformFamily: expect.any(String) });
    const turn = await runTurn(client, { text: 'hello there', cwd: '/' });
    expect(turn).toMatchObject({ status: 'completed', environmentIds: [] });
    expect(turn.items.at(-1)).toMatchObject({ type: 'agentMessage', text: 'you said: hello there' });
    expect(model.requests.at(-1)?.headers.authorization).toBe('Bearer key-of-the-model');
    expect(model.requests.at(-1)?.body.model).toBe('scripted');
    await client.close();
  });

  it('gives two workspaces nothing of each other: threads, files, events', async () => {
    const [one, other] = await Promise.all([connect(gateway, 'ws-one'), connect(gateway, 'ws-other')]);
    const turn = await runTurn(one, { text: 'a secret of the first', cwd: '/' });
    expect(await threadsOf(one)).toEqual(['a secret of the first']);
    expect(await threadsOf(other)).toEqual([]);
    await expect(other.request('thread/read', { threadId: turn.threadId })).rejects.toThrow();
    await expect(other.request('thread/resume', { threadId: turn.threadId })).rejects.toThrow();
    const rollout = join(world.stateDir, 'workspaces', 'ws-one', 'codex-home', 'sessions', 'x.jsonl');
    await expect(other.request('thread/resume', { threadId: turn.threadId, path: rollout })).rejects.toThrow(
      "it would read a file of the gateway's host",
    );
    expect(JSON.stringify(other.notifications)).not.toContain(turn.threadId);
    await Promise.all([one.close(), other.close()]);
  });

  it('gives two clients of one workspace the same threads', async () => {
    const [one, other] = await Promise.all([connect(gateway, 'ws-shared'), connect(gateway, 'ws-shared')]);
    await runTurn(one, { text: 'ours', cwd: '/' });
    expect(await threadsOf(other)).toEqual(['ours']);
    await Promise.all([one.close(), other.close()]);
  });

  it('keeps the threads of a workspace over its own restart, and gives the state folder to one gateway at a time', async () => {
    const second = await createWorld(cleanup);
    const before = await second.start(modelSettings());
    const client = await connect(before);
    await runTurn(client, { text: 'remember me', cwd: '/' });
    await expect(second.start(modelSettings())).rejects.toThrow('CXG_STATE_DIR is in use by another codex-app-gateway');
    const closed = client.closed;
    await before.close();
    expect(await closed).toEqual({ code: 1001, reason: 'the gateway is shutting down; connect again' });
    const after = await second.start(modelSettings());
    const again = await connect(after);
    expect(await threadsOf(again)).toEqual(['remember me']);
  });

  it('writes a configuration of the app-server that is read as it was meant, whatever the model is called', async () => {
    const odd = await createWorld(cleanup);
    const CXG_MODEL = 'a "model" \\ with\nall of \u0001 it, é and 😀';
    const strange = await odd.start({ ...modelSettings(), CXG_MODEL });
    const client = await connect(strange);
    await client.initialize();
    const { config } = await client.request<{ config: { model: string; features: object } }>('config/read', {});
    expect(config.model).toBe(CXG_MODEL);
    expect(config.features).toMatchObject({ hooks: false, plugins: false });
    const toml = await readFile(join(odd.stateDir, 'workspaces', 'ws-1', 'codex-home', 'config.toml'), 'utf8');
    expect(toml).not.toContain('key-of-the-model');
  });

  it('is ready while the verifier, the exec-gateway and the CLI are there, and says what is missing', async () => {
    expect(await get(gateway, '/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    const lonely = await createWorld(cleanup);
    const away = `http://127.0.0.1:${await freePort()}`;
    const waiting = await lonely.start({ CXG_AGENTSERVER_INTERNAL_URL: away, CXG_EXEC_GATEWAY_INTERNAL_URL: away });
    const { status, text } = await get(waiting, '/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({
      status: 'not_ready',
      missing: { token_verifier: 'unreachable', exec_gateway: 'unreachable' },
    });
    expect((await get(waiting, '/healthz')).status).toBe(200);
  });

  it('counts connections, app-servers, verifications and what passes', async () => {
    const client = await connect(gateway);
    await client.initialize();
    const { text } = await get(gateway, '/metrics');
    for (const series of [
      /cxg_app_connections\{.*\} 1\n/,
      /cxg_app_servers\{.*\} [1-9]/,
      /cxg_app_server_start_seconds_count\{.*\} [1-9]/,
      /cxg_app_verifications_total\{outcome="authenticated".*\} [1-9]/,
      /cxg_app_verification_seconds_bucket\{.*\} [1-9]/,
      /cxg_app_frames_total\{direction="to_client".*\} [1-9]/,
      /cxg_app_frame_bytes_total\{direction="to_app_server".*\} [1-9]/,
      /cxg_app_pending_revocations\{.*\} 0/,
    ]) {
      expect(text).toMatch(series);
    }
    await client.close();
  });

  it('serves nothing else', async () => {
    expect((await get(gateway, '/')).status).toBe(404);
    expect((await get(gateway, '/codex-app/ws')).status).toBe(404);
  });
});
