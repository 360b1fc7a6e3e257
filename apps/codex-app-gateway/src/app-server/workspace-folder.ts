import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@codex-gateways/crypto';
import { type AppServerAccount, giveTo } from './app-server-account.ts';

// Lower case only: two ids that differ in case must not share a folder where file names ignore it.
const PLAIN_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Where one workspace's app-server lives. Everything in it survives restarts. */
export interface WorkspaceFolder {
  readonly path: string;
  /** `CODEX_HOME`: configuration, threads, logs. */
  readonly codexHome: string;
  /** `HOME`: empty. */
  readonly home: string;
  /** `TMPDIR`. */
  readonly temporary: string;
}

/**
 * The folder name of a workspace: the id itself when it is plain, else `~` and a digest of it. So no id leaves the parent
 * folder, none takes the name of another, and no plain id begins with `~`.
 */
export function workspaceFolderName(workspaceId: string): string {
  return PLAIN_ID.test(workspaceId) ? workspaceId : `~${sha256(workspaceId).toString('hex', 0, 20)}`;
}

/**
 * Makes the folders of a workspace, readable by one user only, also when they were there with other rights: this service's, or the one
 * that app-servers run as. The folder around them stays this service's own, so that an app-server cannot put something else in their place.
 */
export async function prepareWorkspaceFolder(
  stateDir: string,
  workspaceId: string,
  account?: AppServerAccount,
): Promise<WorkspaceFolder> {
  const path = join(stateDir, 'workspaces', workspaceFolderName(workspaceId));
  const folder = {
    path,
    codexHome: join(path, 'codex-home'),
    home: join(path, 'home'),
    temporary: join(path, 'tmp'),
  };
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, account ? 0o711 : 0o700);
  for (const each of [folder.codexHome, folder.home, folder.temporary]) {
    await mkdir(each, { mode: 0o700, recursive: true });
    await chmod(each, 0o700);
    if (account) await giveTo(account, each);
  }
  return folder;
}
