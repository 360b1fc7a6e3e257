import { messageOf } from '@codex-gateways/token-source';
import { type Command, CommanderError } from 'commander';
import { CliContext, type CliIo, createOutput } from './cli-context.ts';
import { asCliError } from './cli-error.ts';
import { completionScript, type Shell } from './completion/completion-script.ts';
import { ExitCode } from './exit-code.ts';
import type { Output } from './output.ts';
import { createProgram } from './program.ts';
import type { GlobalOptions } from './settings/settings.ts';

/**
 * Runs one command line to its end.
 * @param argv - without the program's own name
 * @returns the exit code; nothing is thrown
 */
export async function runCli(argv: readonly string[], io: CliIo, version: string): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const program: Command = createProgram({
    version,
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    run: async (work) => {
      const context = await CliContext.create(io, program.opts<GlobalOptions>());
      exitCode = (await work(context)) ?? ExitCode.ok;
    },
    complete: (root, shell) => io.stdout.write(`${completionScript(root, shell as Shell)}\n`),
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    const options = { json: argv.includes('--json'), verbose: argv.includes('--verbose') };
    return report(error, createOutput(io, options));
  }
}

function report(error: unknown, out: Output): number {
  if (error instanceof CommanderError) return reportUsage(error, out);
  const known = asCliError(error);
  if (known) {
    out.failure(known);
    return known.exitCode;
  }
  out.failure({
    code: 'internal',
    message: `this should not have happened, please report it: ${messageOf(error)}`,
    requestId: undefined,
  });
  if (error instanceof Error) out.detail(error.stack ?? '');
  return ExitCode.failure;
}

/** Help and version are results; help in place of a missing command, and everything else, is wrong usage. */
function reportUsage({ code, message, exitCode }: CommanderError, out: Output): number {
  if (exitCode === 0) return ExitCode.ok;
  if (code !== 'commander.help') {
    out.failure({ code: 'usage', message: message.replace(/^error: /, ''), requestId: undefined });
  }
  return ExitCode.usage;
}
