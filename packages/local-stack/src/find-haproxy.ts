import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '@codex-gateways/service';
import { StackError } from './stack-error.ts';

/** Debian keeps it where only root's PATH leads. */
const BESIDES_PATH = ['/usr/local/sbin', '/usr/sbin'];

/** @throws {StackError} there is none */
export function findHaproxy({ PATH = process.env.PATH ?? '' }: Environment, besidesPath = BESIDES_PATH): string {
  for (const folder of [...PATH.split(delimiter).filter(Boolean), ...besidesPath]) {
    const program = join(folder, 'haproxy');
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {
      // not here
    }
  }
  throw new StackError('replicas need HAProxy in front of them: install it (Debian: apt-get install haproxy)');
}
