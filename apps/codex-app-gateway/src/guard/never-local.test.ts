import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AppServerClient,
  codexBinary,
  connectAppServer,
  lastToolOutput,
  runCommand,
  runTurn,
  say,
  startModelServer,
  useCleanup,
} from '@codex-gateways/testing';
import { PATIENCE_MS } from '../../test/patience.ts';
import { connect, createWorld, type World } from '../../test/world.ts';
import { launchAppServer } from '../app-server/launch-app-server.ts';
import { prepareWorkspaceFolder } from '../app-server/workspace-folder.ts';
import { readConfig } from '../config.ts';

const EXECUTOR = { exe_id: 'exe_1', name: 'laptop', is_default: true, is_online: false };
// 1 × 1 pixel.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe.each([
  ['without an executor', []],
  ['with an executor that is away', [EXECUTOR]],
])('nothing runs on the host of the gateway, %s', (_name, executors) => {
  const cleanup = useCleanup();
  let world: World;
  let client: AppServerClient;
  let project: string;
  let marker: string;
  let modelSaw: () => string;

  beforeAll(async () => {
    world = await createWorld(cleanup);
    world.executors.set('ws-1', executors);
    project = join(world.stateDir, '..', 'project');
    marker = join(world.stateDir, '..', 'marker');
    // The model asks for a command whatever it is told, and for another when that did not work.
    const model = await startModelServer({
      script: (request) => {
        const output = lastToolOutput(request);
        return output === undefined ? runCommand(`touch '${marker}'`) : say(`it wrote: ${output}`);
      },
    });
    cleanup.after(() => model.close());
    modelSaw = () => JSON.stringify(model.requests.map(({ body }) => body));
    await makeProject(project, marker);
    await mkdir(join(world.stateDir, 'workspaces', 'ws-1', 'codex-home'), { recursive: true });
    const environments = 'default = "here"\ninclude_local = true\n[[environments]]\nid = "here"\nprogram = "/bin/sh"\n';
    await writeFile(join(world.stateDir, 'workspaces', 'ws-1', 'codex-home', 'environments.toml'), environments);
    const gateway = await world.start({ CXG_MODEL_PROVIDER_BASE_URL: model.url, CXG_CODEX_API_KEY: 'key' });
    client = await connect(gateway);
    await client.initialize();
  });

  /** A client of an app-server that was started as the gateway starts them, with nothing in between. */
  async function withoutGuard(): Promise<AppServerClient> {
    const { backend } = readConfig(world.env());
    if (backend.kind !== 'launch') throw new Error('app-servers are started here');
    const { execGateway } = world;
    const executor = { kind: 'executor', exeId: 'exe_1', registryToken: 't', workspaceId: 'w' } as const;
    const launched = await launchAppServer({
      program: await codexBinary(),
      folder: await prepareWorkspaceFolder(world.stateDir, 'unguarded'),
      model: backend.model,
      execution:
        executors.length === 0
          ? { kind: 'none' }
          : { ...executor, registryUrl: execGateway.url, execGatewayUrl: execGateway.url },
      network: {},
      path: '/usr/bin:/bin',
      startTimeoutMs: PATIENCE_MS,
      stopTimeoutMs: 1000,
      signal: new AbortController().signal,
      onProcess: async () => undefined,
    });
    cleanup.after(() => launched.stop());
    const unguarded = await connectAppServer({ url: launched.url, headers: launched.headers });
    await unguarded.request('initialize', {
      clientInfo: { name: 'attacker', title: null, version: '1' },
      capabilities: { experimentalApi: true, requestAttestation: false },
    });
    return unguarded;
  }

  afterEach(() => expect(existsSync(marker)).toBe(false));

  it('of what the model asks for, with everything permitted', async () => {
    const turn = await runTurn(client, { text: 'go', cwd: project });
    expect(turn.environmentIds).toEqual(executors.length === 0 ? [] : ['remote']);
    expect(turn.items.at(-1)?.text).toMatch(/^it wrote: (No usable execution environment|unsupported call)/);
  });

  it.each([
    ['command/exec', { command: ['/bin/sh', '-c', 'MARK'] }],
    ['process/spawn', { processHandle: 'p', command: ['/bin/sh', '-c', 'MARK'], cwd: '/' }],
    ['fs/writeFile', { path: 'MARKER', dataBase64: '' }],
    ['gitDiffToRemote', { cwd: 'PROJECT' }],
    ['config/value/write', { keyPath: 'notify', value: ['/bin/sh', '-c', 'MARK'], mergeStrategy: 'replace' }],
    ['thread/start', { cwd: 'PROJECT', environments: [{ environmentId: 'local', cwd: 'PROJECT' }] }],
    ['thread/start', { cwd: 'PROJECT', config: { mcp_servers: { x: { command: '/bin/sh', args: ['-c', 'MARK'] } } } }],
    ['thread/start', { cwd: 'PROJECT', config: { notify: ['/bin/sh', '-c', 'MARK'] } }],
  ])('of what a client asks for: %s %j', async (method, params) => {
    const filled = JSON.stringify(params)
      .replaceAll('MARKER', marker)
      .replaceAll('MARK', `touch '${marker}'`)
      .replaceAll('PROJECT', project);
    await expect(client.request(method, JSON.parse(filled))).rejects.toMatchObject({ name: 'AppServerError' });
  });

  it('of what a thread could be told to run', async () => {
    const { thread } = await client.request<{ thread: { id: string } }>('thread/start', { cwd: project });
    const command = `touch '${marker}'`;
    await expect(client.request('thread/shellCommand', { threadId: thread.id, command })).rejects.toThrow('host');
    const image = { type: 'localImage', path: join(project, 'image.png') };
    await expect(client.request('turn/start', { threadId: thread.id, input: [image] })).rejects.toThrow('host');
    expect(modelSaw()).not.toContain(PNG);
  });

  it('of what the folder holds that a client works in: servers, hooks, instructions, and git', async () => {
    await runTurn(client, { text: 'go', cwd: project });
    expect(modelSaw()).not.toContain('INSTRUCTIONS OF THE HOST');
    const { thread } = await client.request<{ thread: { gitInfo: unknown } }>('thread/start', { cwd: project });
    expect(thread.gitInfo).toBeNull();
  });

  it('also when the guard is not there: the app-server itself has no place to run anything', async () => {
    const unguarded = await withoutGuard();
    const run = ['/bin/sh', '-c', `touch '${marker}'`];
    const { thread } = await unguarded.request<{ thread: { id: string } }>('thread/start', { cwd: project });
    for (const [method, params] of [
      ['command/exec', { command: run }],
      ['process/spawn', { processHandle: 'p', command: run, cwd: '/' }],
      ['thread/shellCommand', { threadId: thread.id, command: run[2] }],
      ['fs/writeFile', { path: marker, dataBase64: '' }],
      ['thread/start', { cwd: project, environments: [{ environmentId: 'local', cwd: project }] }],
    ] as const) {
      await expect(unguarded.request(method, params)).rejects.toThrow(/local|execution/);
    }
  });
});

/** A folder with everything in it that a CLI might run or read on its own. */
async function makeProject(project: string, marker: string): Promise<void> {
  await mkdir(join(project, '.codex'), { recursive: true });
  await mkdir(join(project, '.git'));
  const server = `[mcp_servers.x]\ncommand = "/bin/sh"\nargs = ["-c", "touch '${marker}'; sleep 5"]\n`;
  await writeFile(join(project, '.codex', 'config.toml'), `notify = ["/bin/sh", "-c", "touch '${marker}'"]\n${server}`);
  await writeFile(join(project, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(join(project, '.git', 'config'), `[core]\nfsmonitor = "touch '${marker}'"\n`);
  await writeFile(join(project, 'AGENTS.md'), 'INSTRUCTIONS OF THE HOST');
  await writeFile(join(project, 'image.png'), Buffer.from(PNG, 'base64'));
}
