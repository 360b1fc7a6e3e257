import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { processField } from '@codex-gateways/runtime';

/**
 * Whether a pid is a PostgreSQL server (or one of its children) working in a data directory.
 * @param dataDirectory - real path: a PostgreSQL process has its data directory as its working directory
 */
export function isPostgresOf(pid: number, dataDirectory: string): boolean {
  if (process.platform !== 'linux') {
    const command = processField(pid, 'command=');
    return command.includes('postgres') && command.includes(dataDirectory);
  }
  try {
    const executable = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
    return executable === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === dataDirectory;
  } catch {
    return false; // gone, or owned by another user and so not a server that we could have started
  }
}
