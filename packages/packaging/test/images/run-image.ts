import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ProcessExit, type RunningProcess, startProcess } from '@codex-gateways/testing';
import type { BuiltImage } from './build-image.ts';

/** Whether processes of an image can be given its user. Without that right they run as the caller. */
export const CAN_SWITCH_USER = process.getuid?.() === 0;

/** Starts a command of an image as the image's user, with nothing of this process's environment but `PATH`. */
export function startInImage(
  image: BuiltImage,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningProcess {
  const [program, ...args] = asUser(image, command);
  return startProcess(program, args, { cwd: image.workdir, env: { PATH: process.env.PATH, ...image.env, ...env } });
}

/** Runs a command of an image to its end. */
export async function runInImage(
  image: BuiltImage,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProcessExit> {
  return startInImage(image, command, env).exited;
}

/** Gives a folder to the image's user, as a volume is given to a container. */
export async function giveToUser(image: BuiltImage, folder: string): Promise<void> {
  if (CAN_SWITCH_USER) await promisify(execFile)('chown', ['-R', `${image.uid}:${image.gid}`, folder]);
}

function asUser({ uid, gid }: BuiltImage, command: readonly string[]): [string, ...string[]] {
  const switchUser = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--'];
  const [program = '', ...args] = CAN_SWITCH_USER ? [...switchUser, ...command] : command;
  return [program, ...args];
}
