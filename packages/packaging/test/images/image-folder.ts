import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '@codex-gateways/testing';

const FOLDERS = '/var/tmp'; // not below /tmp, where the Codex CLI does not accept its home
const PREFIX = 'codex-gateways-images-';

/** A folder that the images' user may enter. Folders of test runs that were killed go. */
export function makeFolder(): string {
  for (const name of readdirSync(FOLDERS)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid && !isAlive(Number(pid))) removeFolder(join(FOLDERS, name));
  }
  const folder = mkdtempSync(join(FOLDERS, `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755);
  return folder;
}

export function removeFolder(folder: string): void {
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true });
}
