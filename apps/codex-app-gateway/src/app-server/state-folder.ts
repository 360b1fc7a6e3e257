import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isSameProcessAlive, type ProcessIdentity } from '@codex-gateways/runtime';
import { ConfigError, type Logger } from '@codex-gateways/service';
import { z } from 'zod';
import { errorCodeOf } from '../error-code.ts';
import { replaceFile } from '../files/replace-file.ts';

const identitySchema = z.object({ pid: z.int().min(2), startedAt: z.string().min(1) });

/**
 * The folder that holds everything this service keeps, for one service at a time. It knows the process groups that were
 * started from it, so that what outlived a killed service is ended by the next one.
 */
export class StateFolder {
  readonly path: string;
  /** A folder that stays empty. */
  readonly emptyFolder: string;
  readonly #lockPath: string;
  readonly #processesPath: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.path = path;
    this.emptyFolder = join(path, 'empty');
    this.#lockPath = join(path, 'gateway.lock');
    this.#processesPath = join(path, 'processes');
    this.#log = log;
  }

  /**
   * Takes the folder, and kills what an earlier holder left running.
   * @throws {ConfigError} when another service holds it, or it cannot be written
   */
  async open(): Promise<void> {
    try {
      await mkdir(this.#processesPath, { recursive: true, mode: 0o700 });
      await mkdir(this.emptyFolder, { recursive: true, mode: 0o500 });
      await this.#lock();
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ConfigError([
        `CXG_STATE_DIR cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    }
    for (const name of await readdir(this.#processesPath)) await this.#endOrphan(join(this.#processesPath, name));
  }

  async close(): Promise<void> {
    await rm(this.#lockPath, { force: true });
  }

  /** Remembers a process group until `forgetGroup`. */
  async rememberGroup(groupId: number): Promise<void> {
    const identity = identifyProcess(groupId);
    if (identity) await replaceFile(this.#recordPath(groupId), JSON.stringify(identity));
  }

  async forgetGroup(groupId: number): Promise<void> {
    await rm(this.#recordPath(groupId), { force: true });
  }

  #recordPath(groupId: number): string {
    return join(this.#processesPath, `${groupId}.json`);
  }

  async #lock(): Promise<void> {
    const own = JSON.stringify(identifyProcess(process.pid));
    try {
      await writeFile(this.#lockPath, own, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
      const holder = await readIdentity(this.#lockPath);
      if (holder && isSameProcessAlive(holder)) {
        throw new ConfigError([`CXG_STATE_DIR is in use by another codex-app-gateway, process ${holder.pid}`]);
      }
      await replaceFile(this.#lockPath, own);
    }
  }

  async #endOrphan(recordPath: string): Promise<void> {
    const leader = await readIdentity(recordPath);
    // A leader that is gone leaves its group to the closed pipe: the id could be anybody's by now.
    if (leader && isSameProcessAlive(leader)) {
      this.#log.warn({ group_id: leader.pid }, 'killing an app-server that outlived its gateway');
      try {
        process.kill(-leader.pid, 'SIGKILL');
      } catch {
        // it ended by itself just now
      }
    }
    await rm(recordPath, { force: true });
  }
}

async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return identitySchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined; // half-written or foreign: it names no process
  }
}
