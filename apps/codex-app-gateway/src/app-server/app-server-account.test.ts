import {
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codexBinary, useCleanup } from '@codex-gateways/testing';
import { onlyAppServer } from '../../test/app-server-processes.ts';
import { connect, createWorld } from '../../test/world.ts';
import { prepareWorkspaceFolder } from './workspace-folder.ts';

const ACCOUNT = { CXG_APP_SERVER_UID: '64123', CXG_APP_SERVER_GID: '64124' };
// Not below the temporary folder, where the CLI refuses to live, and not below a home, where others may not pass.
const OPEN_TO_ALL = '/var/tmp';

// To become another user takes root; to anybody else it is refused.
if (process.getuid?.() === 0) describe('app-servers as another user', asRoot);
else describe('app-servers as another user, without root', asAnybodyElse);

function asAnybodyElse(): void {
  const cleanup = useCleanup();

  it('are refused at the start of the gateway, with what it takes', async () => {
    const world = await createWorld(cleanup);
    await expect(world.start(ACCOUNT)).rejects.toThrow(
      'programs cannot be run as user 64123, group 64124 (CXG_APP_SERVER_UID, CXG_APP_SERVER_GID): that takes root',
    );
  });
}

function asRoot(): void {
  const cleanup = useCleanup();
  let base: string;
  let program: string;

  beforeAll(async () => {
    base = await mkdtemp(join(OPEN_TO_ALL, 'app-server-account-'));
    cleanup.after(() => rm(base, { recursive: true, force: true }));
    await chmod(base, 0o711);
    const installed = await codexBinary();
    program = join(base, 'codex');
    await link(installed, program).catch(() => copyFile(installed, program));
  });

  const settings = (name: string) => ({ CXG_STATE_DIR: join(base, name), CXG_CODEX_BIN: program, ...ACCOUNT });

  it('have its ids, no other groups and the umask, and own what is theirs and nothing else', async () => {
    const world = await createWorld(cleanup);
    const stateDir = join(base, 'state');
    const client = await connect(await world.start({ ...settings('state'), CXG_APP_SERVER_UMASK: '027' }));
    await client.initialize();
    const { pid } = await onlyAppServer(stateDir);
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:(\t64123){4}$/m);
    expect(status).toMatch(/^Gid:(\t64124){4}$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(status).toMatch(/^Umask:\t0027$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    const workspace = join(stateDir, 'workspaces', 'ws-1');
    const ownerOf = async (path: string) => (await stat(path)).uid;
    for (const name of ['codex-home', 'codex-home/config.toml', 'home', 'tmp']) {
      expect([name, await ownerOf(join(workspace, name))]).toEqual([name, 64123]);
    }
    for (const path of [workspace, dirname(workspace), stateDir, join(stateDir, 'gateway.lock')]) {
      expect([path, await ownerOf(path)]).toEqual([path, 0]);
    }
    expect(((await stat(join(stateDir, 'gateway.lock'))).mode & 0o077).toString(8)).toBe('0');
    expect(await readdir(join(workspace, 'codex-home'))).toContain('config.toml');
  });

  it('end with the gateway, all of them', async () => {
    const world = await createWorld(cleanup);
    const gateway = await world.start(settings('ending'));
    await connect(gateway);
    const { pid } = await onlyAppServer(join(base, 'ending'));
    await gateway.close();
    await expect(stat(`/proc/${pid}`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('take over what app-servers of the gateway’s own user left, without following a link out of it', async () => {
    const stateDir = join(base, 'earlier');
    const { codexHome } = await prepareWorkspaceFolder(stateDir, 'ws-1');
    await writeFile(join(codexHome, 'history.jsonl'), 'old', { mode: 0o600 });
    await writeFile(join(base, 'not-theirs'), 'ours', { mode: 0o600 });
    await symlink(join(base, 'not-theirs'), join(codexHome, 'a-link'));
    await mkdir(join(base, 'folder-not-theirs'));
    await writeFile(join(base, 'folder-not-theirs', 'secret'), 'ours', { mode: 0o600 });
    await symlink(join(base, 'folder-not-theirs'), join(codexHome, 'a-link-to-a-folder'));
    const account = { uid: 64123, gid: 64124 };
    await prepareWorkspaceFolder(stateDir, 'ws-1', account);
    expect(await stat(join(codexHome, 'history.jsonl'))).toMatchObject(account);
    expect(await stat(codexHome)).toMatchObject(account);
    expect((await stat(join(base, 'not-theirs'))).uid).toBe(0);
    expect((await stat(join(base, 'folder-not-theirs'))).uid).toBe(0);
    expect((await stat(join(base, 'folder-not-theirs', 'secret'))).uid).toBe(0);
  });

  it('are refused at the start of the gateway when that user cannot get at the folder', async () => {
    const world = await createWorld(cleanup);
    const closed = join(base, 'closed');
    await prepareWorkspaceFolder(closed, 'ws-1');
    await chmod(closed, 0o700);
    const start = world.start({ ...settings('closed'), CXG_STATE_DIR: join(closed, 'state') });
    await expect(start).rejects.toThrow(
      'user 64123, group 64124 (CXG_APP_SERVER_UID, CXG_APP_SERVER_GID) cannot enter',
    );
  });
}
