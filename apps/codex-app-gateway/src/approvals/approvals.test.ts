import {
  type AppServerClient,
  codexModelConfig,
  connectAppServer,
  createCodexHome,
  lastToolOutput,
  runCommand,
  say,
  startAppServer,
  startModelServer,
  useCleanup,
} from '@codex-gateways/testing';
import { createWorld, get, type World, wsUrl } from '../../test/world.ts';

const APPROVAL = 'item/commandExecution/requestApproval';
// Nothing that an app-server takes for harmless, and so runs without asking.
const COMMAND = 'uname -s > /dev/null; expr 40 + 2';

interface Item {
  type: string;
  status: string;
  aggregatedOutput: string | null;
}

describe('approvals that the real app-server asks for', () => {
  const cleanup = useCleanup();
  let world: World;
  let appServerUrl: string;

  beforeAll(async () => {
    const model = await startModelServer({
      script: (request) => (lastToolOutput(request) === undefined ? runCommand(COMMAND) : say('done')),
    });
    cleanup.after(() => model.close());
    const { toml, env } = codexModelConfig(model.url);
    const home = await createCodexHome({ config: toml });
    cleanup.after(() => home.remove());
    // One that runs commands by itself: who asks for approval is the app-server, wherever the command runs.
    const appServer = await startAppServer({ home, env });
    cleanup.after(() => appServer.process.stop());
    appServerUrl = appServer.url;
    world = await createWorld(cleanup);
  });

  /** A turn with one command that needs approval, under a policy of the gateway, with a client that answers in its way. */
  async function turnUnder(CXG_APPROVALS: string, clientSays: 'accept' | 'decline') {
    const gateway = await world.start({ CXG_APP_SERVER_URL: appServerUrl, CXG_APPROVALS });
    const asked: unknown[] = [];
    const answer = (params: unknown) => {
      asked.push(params);
      return { decision: clientSays };
    };
    const client = await connectAppServer({
      url: wsUrl(gateway),
      bearer: 'ast_ws-1',
      serverRequests: { [APPROVAL]: answer },
    });
    const command = await commandOf(client);
    await client.close();
    const { text: metrics } = await get(gateway, '/metrics');
    return { asked: asked.length, command, metrics };
  }

  async function commandOf(client: AppServerClient): Promise<Item> {
    await client.initialize();
    const params = { cwd: '/', approvalPolicy: 'untrusted', sandbox: 'danger-full-access' };
    const { thread } = await client.request<{ thread: { id: string } }>('thread/start', params);
    const input = [{ type: 'text', text: 'what is the answer?', text_elements: [] }];
    await client.request('turn/start', { threadId: thread.id, input });
    await client.waitForNotification('turn/completed');
    const items = client.notifications
      .filter(({ method }) => method === 'item/completed')
      .map(({ params: completed }) => (completed as { item: Item }).item);
    const command = items.find(({ type }) => type === 'commandExecution');
    if (!command) throw new Error(`there was no command among ${JSON.stringify(items)}`);
    return command;
  }

  const counted = (decision: string) =>
    new RegExp(`cxg_app_approvals_total\\{method="${APPROVAL}",decision="${decision}".*\\} 1\\n`);

  it('are the client’s to give, if nothing else is said', async () => {
    const { asked, command, metrics } = await turnUnder('client', 'accept');
    expect(asked).toBe(1);
    expect(command).toMatchObject({ status: 'completed', aggregatedOutput: '42\n' });
    expect(metrics).toMatch(counted('asked_client'));
    expect((await turnUnder('client', 'decline')).command).toMatchObject({ status: 'declined' });
  });

  it('are written down with what the client answered', async () => {
    const answers = world.logLines
      .filter((line) => line.includes('"approval answered"'))
      .map((line) => JSON.parse(line));
    expect(answers.map(({ decision, answer }) => [decision, answer])).toEqual([
      ['client_accepted', 'accept'],
      ['client_declined', 'decline'],
    ]);
    expect(answers[0]).toMatchObject({ event: 'approval', method: APPROVAL, workspace_id: 'ws-1' });
    expect([answers[0].thread_id, answers[0].turn_id]).toEqual([expect.any(String), expect.any(String)]);
  });

  it('are given by the gateway, and no client is asked, if it is told to', async () => {
    const { asked, command, metrics } = await turnUnder('accept', 'decline');
    expect(asked).toBe(0);
    expect(command).toMatchObject({ status: 'completed', aggregatedOutput: '42\n' });
    expect(metrics).toMatch(counted('accepted'));
  });

  it('are denied by the gateway, whatever a client would say, if it is told to', async () => {
    const { asked, command, metrics } = await turnUnder('deny', 'accept');
    expect(asked).toBe(0);
    expect(command).toMatchObject({ status: 'declined' });
    expect(metrics).toMatch(counted('denied'));
  });

  it.each([
    ['client', 'declined', 'asked_client'],
    ['accept', 'completed', 'accepted'],
    ['deny', 'declined', 'denied'],
  ])('without a client, at POST /api/turns, follow the policy too: %s', async (CXG_APPROVALS, status, decision) => {
    const gateway = await world.start({ CXG_APP_SERVER_URL: appServerUrl, CXG_APPROVALS });
    const answer = await fetch(`${gateway.url}/api/turns`, {
      method: 'POST',
      headers: { authorization: 'Bearer ast_ws-1', 'content-type': 'application/json' },
      body: JSON.stringify({ input: 'go', approval_policy: 'untrusted', sandbox: 'danger-full-access' }),
    });
    const { items } = (await answer.json()) as { items: Item[] };
    expect(items.find(({ type }) => type === 'commandExecution')).toMatchObject({ status });
    expect((await get(gateway, '/metrics')).text).toMatch(counted(decision));
  });

  it('are written down with who, what and how, and without the command', async () => {
    const lines = world.logLines.filter((line) => line.includes('"event":"approval"'));
    const { decision, method, workspace_id, user_id, thread_id, turn_id } = JSON.parse(lines.at(-1) ?? '{}');
    expect({ decision, method, workspace_id, user_id }).toEqual({
      ...{ decision: 'denied', method: APPROVAL, workspace_id: 'ws-1', user_id: 'user-of-ws-1' },
    });
    expect([thread_id, turn_id]).toEqual([expect.any(String), expect.any(String)]);
    expect(lines.join('')).not.toContain('expr');
  });
});
