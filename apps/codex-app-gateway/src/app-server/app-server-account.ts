import { spawn } from 'node:child_process';
import { chmod, chown, lchown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@codex-gateways/service';

/** The user and the group that app-servers run as, when they are not this service's own. */
export interface AppServerAccount {
  readonly uid: number;
  readonly gid: number;
}

// Others may pass through, and may not look around.
const PASSAGE = 0o711;

/**
 * Lets app-servers of another user reach their folders in the state folder, and sees that they can.
 * @throws {ConfigError} when programs cannot be run as that user, or that user cannot enter the folder or run the program
 */
export async function admitAccount(
  stateDir: string,
  { account, program, emptyFolder }: { account: AppServerAccount; program: string; emptyFolder: string },
): Promise<void> {
  const workspaces = join(stateDir, 'workspaces');
  await mkdir(workspaces, { recursive: true, mode: PASSAGE });
  for (const folder of [stateDir, workspaces]) await chmod(folder, PASSAGE);
  await chmod(emptyFolder, 0o555);
  const who = `user ${account.uid}, group ${account.gid} (CXG_APP_SERVER_UID, CXG_APP_SERVER_GID)`;
  const status = await run('cd -- "$1" && test -x "$2" || exit 9', [workspaces, program], account).catch(
    () => undefined,
  );
  if (status === undefined) {
    throw new ConfigError([
      `programs cannot be run as ${who}: that takes root, or CAP_SETUID, _SETGID, _CHOWN and _KILL`,
    ]);
  }
  if (status !== 0) {
    throw new ConfigError([`${who} cannot enter CXG_STATE_DIR, ${stateDir}, or cannot run ${program}`]);
  }
}

/**
 * Gives a folder to an account, with everything in it when it was somebody else's. The folder itself goes last: until then nobody of
 * that account can enter it, and so nothing in it changes meanwhile.
 * @param folder - in a folder that the account cannot write to, and readable by its owner only
 */
export async function giveTo({ uid, gid }: AppServerAccount, folder: string): Promise<void> {
  const owner = await stat(folder);
  if (owner.uid === uid && owner.gid === gid) return;
  await giveAllIn(folder, { uid, gid });
  await chown(folder, uid, gid);
}

/** `readdir` with `recursive` would go through links to folders, and out of this one. */
async function giveAllIn(folder: string, account: AppServerAccount): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveAllIn(path, account);
    await lchown(path, account.uid, account.gid);
  }
}

function run(script: string, args: readonly string[], account: AppServerAccount): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const shell = spawn('/bin/sh', ['-c', script, 'sh', ...args], { ...account, cwd: '/', env: {}, stdio: 'ignore' });
    shell.once('error', reject);
    shell.once('exit', resolve);
  });
}
