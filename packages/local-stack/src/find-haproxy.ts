import { findProgram } from '@codex-gateways/runtime';
import type { Environment } from '@codex-gateways/service';
import { StackError } from './stack-error.ts';

/** @throws {StackError} there is none */
export function findHaproxy({ PATH = process.env.PATH ?? '' }: Environment, besidesPath?: readonly string[]): string {
  const program = findProgram('haproxy', PATH, besidesPath);
  if (program) return program;
  throw new StackError('replicas need HAProxy in front of them: install it (Debian: apt-get install haproxy)');
}
