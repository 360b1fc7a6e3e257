import { HttpError } from '@codex-gateways/service';
import type { Generation } from './generation.ts';

/*
 * Why a harness does not reach an executor, alike at /connect and at the upgrade of /bridge. The CLI shows none of this
 * to its user, so operators find it in the log.
 */

export function notInWorkspace(): HttpError {
  return new HttpError(
    403,
    'not_in_workspace',
    'the executor does not belong to the workspace of this turn; bind it to the workspace first',
    { reason: 'executor not bound to the workspace' },
  );
}

export function executorOffline(): HttpError {
  return new HttpError(
    503,
    'executor_offline',
    'the executor is not connected; start "codex exec-server" on its machine',
    { reason: 'executor not connected', headers: { 'Retry-After': '2' } },
  );
}

export function otherGeneration({ harness, executor }: { harness: Generation; executor: Generation }): HttpError {
  return new HttpError(
    409,
    'generation_mismatch',
    `the executor runs Codex ${VERSIONS[executor]} and the app-server Codex ${VERSIONS[harness]}, which do not understand each other; use the same version on both sides`,
    { reason: `harness ${harness}, executor ${executor}` },
  );
}

const VERSIONS: Readonly<Record<Generation, string>> = { noise: '0.141 or later', legacy: '0.140 or earlier' };
