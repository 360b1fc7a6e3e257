import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { createCodexHome } from '../codex/codex-home.ts';
import { lastToolOutput } from '../model-server/model-request.ts';
import { runCommand, say } from '../model-server/model-script.ts';
import { codexModelConfig, startModelServer } from '../model-server/model-server.ts';
import { useCleanup } from '../processes/use-cleanup.ts';
import { type AppServerClient, connectAppServer } from './app-server-client.ts';
import { AppServerError, UpgradeRefusedError } from './app-server-errors.ts';
import { runTurn } from './run-turn.ts';
import { startAppServer } from './start-app-server.ts';

describe('a client of the real codex app-server', () => {
  const cleanup = useCleanup();
  const bearer = 'token-of-the-test';
  let url: string;
  let stopAppServer: () => Promise<unknown>;

  beforeAll(async () => {
    const script = (request: Parameters<typeof lastToolOutput>[0]) => {
      const output = lastToolOutput(request);
      return output === undefined ? runCommand('echo "in $PWD"') : say(`it wrote ${output}`);
    };
    const model = await startModelServer({ script });
    cleanup.after(() => model.close());
    const { toml, env } = codexModelConfig(model.url);
    const home = await createCodexHome({ config: toml });
    cleanup.after(() => home.remove());
    const digest = createHash('sha256').update(bearer).digest('hex');
    const args = ['--ws-auth', 'capability-token', '--ws-token-sha256', digest];
    const appServer = await startAppServer({ home, env, args });
    stopAppServer = () => appServer.process.stop();
    cleanup.after(stopAppServer);
    url = appServer.url;
  });

  const connect = async (serverRequests = {}): Promise<AppServerClient> => {
    const client = await connectAppServer({ url, bearer, serverRequests });
    cleanup.after(() => client.close());
    return client;
  };

  it('runs a turn whose command comes back among the items', async () => {
    const client = await connect();
    const turn = await runTurn(client, { text: 'where are you?', cwd: '/' });
    expect(turn).toMatchObject({ status: 'completed', error: null, environmentIds: ['local'] });
    expect(turn.items.map(({ type }) => type)).toEqual(['userMessage', 'commandExecution', 'agentMessage']);
    expect(turn.items[1]).toMatchObject({ aggregatedOutput: 'in /\n', exitCode: 0 });
    expect(turn.items[2]?.text).toMatch(/it wrote .*in \//s);
  });

  it('goes on with a thread, and tells the turns apart', async () => {
    const client = await connect();
    const first = await runTurn(client, { text: 'one', cwd: '/' });
    const second = await runTurn(client, { text: 'two', cwd: '/', threadId: first.threadId });
    expect(second.threadId).toBe(first.threadId);
    expect(second.turnId).not.toBe(first.turnId);
    expect(second.items).toHaveLength(3);
  });

  it('answers the requests of the server', async () => {
    const asked: string[] = [];
    const accept = ({ command }: { command: string }) => {
      asked.push(command);
      return { decision: 'decline' };
    };
    const client = await connect({ 'item/commandExecution/requestApproval': accept });
    await client.initialize();
    const thread = { cwd: '/', approvalPolicy: 'untrusted', sandbox: 'read-only' };
    const { thread: started } = await client.request<{ thread: { id: string } }>('thread/start', thread);
    const turn = await runTurn(client, { text: 'go', cwd: '/', threadId: started.id });
    expect(asked).toEqual([expect.stringContaining('echo')]);
    expect(turn.items[1]).toMatchObject({ type: 'commandExecution', status: 'declined' });
  });

  it('rejects a request that the server answers with an error', async () => {
    const client = await connect();
    const refused = client.request('thread/start');
    await expect(refused).rejects.toBeInstanceOf(AppServerError);
    await expect(refused).rejects.toMatchObject({ code: -32600, serverMessage: 'Not initialized' });
  });

  it('tells the status when the upgrade is refused', async () => {
    const refused = connectAppServer({ url, bearer: 'wrong' });
    await expect(refused).rejects.toBeInstanceOf(UpgradeRefusedError);
    await expect(refused).rejects.toMatchObject({ status: 401, body: expect.stringContaining('bearer') });
  });

  it('says that a notification did not come', async () => {
    const client = await connect();
    await expect(client.waitForNotification('turn/completed', undefined, 20)).rejects.toThrow(
      'no notification turn/completed within 20 ms',
    );
  });

  it('rejects what is under way when the connection ends', async () => {
    const client = await connect();
    const waiting = expect(client.waitForNotification('turn/completed')).rejects.toThrow('the connection ended');
    await stopAppServer();
    await waiting;
    await expect(client.request('thread/list')).rejects.toThrow('the connection ended');
    expect((await client.closed).code).toBeGreaterThanOrEqual(1000);
  });
});

describe('a client of a server that speaks first', () => {
  const cleanup = useCleanup();

  it('misses nothing, also when that comes in one piece with the answer to the upgrade', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    cleanup.after(() => server.close());
    server.on('connection', (socket) => socket.send('{"method":"warning","params":{"message":"hello"}}'));
    await once(server, 'listening');
    const client = await connectAppServer({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
    cleanup.after(() => client.close());
    expect(await client.waitForNotification('warning')).toEqual({ message: 'hello' });
  });
});
