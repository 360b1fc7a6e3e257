import { stat } from 'node:fs/promises';
import { hasSystemCode, messageOf, printable, TokenSourceError } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { asCliError, CliError } from '../cli-error.ts';
import { codexVersion } from '../codex/codex-program.ts';
import { generationOf } from '../codex/generations.ts';
import { meSchema } from '../commands/wire.ts';
import { ExitCode } from '../exit-code.ts';
import { type Check, failure, ok, warning } from './check.ts';

const PROBE_KEY = 'DOCTOR_PROBE';
const OTHERS_MAY_WRITE = 0o022;

/** The configuration file: there, and nobody else's to change (it says which server gets the tokens). */
export async function checkConfigFile({ settings }: CliContext): Promise<Check> {
  const { path } = settings.configFile;
  try {
    const { mode } = await stat(path);
    const isOpen = process.platform !== 'win32' && (mode & OTHERS_MAY_WRITE) !== 0;
    if (!isOpen) return ok('configuration', path);
    return failure('configuration', `others may change ${path}`, `chmod go-w ${path}`);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT'))
      return ok('configuration', `${path} is not there yet; the first login makes it`);
    return failure('configuration', messageOf(error), `make ${path} readable`);
  }
}

/** The place for tokens: it takes a value and gives it back. */
export async function checkSecrets(context: CliContext): Promise<Check> {
  const secrets = context.secrets(context.settings.entry.secrets ?? 'file');
  try {
    await secrets.exclusive(PROBE_KEY, async () => {
      await secrets.set(PROBE_KEY, 'probe');
      await secrets.get(PROBE_KEY);
      await secrets.delete(PROBE_KEY);
    });
    return ok('secrets', `${secrets.description} can be read and written`);
  } catch (error) {
    if (!(error instanceof TokenSourceError)) throw error;
    return failure('secrets', error.message, 'do what it says, or log in again with --secrets file');
  }
}

/** The sign-in: there, and believed by the server. */
export async function checkSignIn({ api, server }: CliContext): Promise<Check> {
  try {
    const { email } = await api.call('/api/me', meSchema);
    return ok('sign-in', `signed in as ${printable(email)}`);
  } catch (error) {
    const known = asCliError(error);
    if (!known) throw error;
    const isMissing = known.exitCode === ExitCode.notSignedIn;
    return failure(
      'sign-in',
      known.message,
      isMissing ? `codex-gateways login --server ${server}` : 'see the other checks',
    );
  }
}

/** The Codex CLI on this machine, and what its generation needs. */
export async function checkCodex({ io }: CliContext, program: string): Promise<Check> {
  try {
    const version = await codexVersion(program, io.env);
    const name = `codex ${version.join('.')}`;
    const generation = generationOf(version);
    const fix = 'install @openai/codex 0.148 or later';
    if (!generation) return warning('codex', `${name} is older than anything known to work here`, fix);
    if (!generation.hasAgentIdentity) return warning('codex', `${name} needs ${generation.needs}`, fix);
    return ok('codex', `${name}; as an executor it needs ${generation.needs}`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return warning(
      'codex',
      error.message,
      'npm install -g @openai/codex (not needed to manage connectors and tokens only)',
    );
  }
}
