import { Command, Option } from 'commander';
import { addAdministrationCommands } from './administration-commands.ts';
import { parseDurationMs, parsePort, parseSeconds } from './arguments.ts';
import type { CliContext } from './cli-context.ts';
import { type AddConnectorOptions, addConnector, listConnectors, removeConnector } from './commands/connector.ts';
import { listExecutors } from './commands/executors.ts';
import { type LoginOptions, login } from './commands/login.ts';
import { listRemoteSessions } from './commands/remote-sessions.ts';
import { listRemoteTokens, mintRemoteToken, revokeRemoteToken } from './commands/remote-token.ts';
import { logout, token, whoami } from './commands/session.ts';
import { revokeTurn } from './commands/turns.ts';
import { VARIABLES } from './config.ts';
import { doctor } from './doctor/doctor.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 refused or broken, 2 wrong usage, 3 not signed in, 4 a server does not answer.
Settings come from the command line, then the environment (${VARIABLES.authUrl}, ${VARIABLES.execGatewayUrl},
${VARIABLES.appGatewayUrl}, ${VARIABLES.workspace}), then what login has saved.`;

/** Runs a command and keeps its exit code. */
export type RunCommand = (work: (context: CliContext) => Promise<number> | Promise<void>) => Promise<void>;

export interface ProgramOptions {
  readonly version: string;
  readonly run: RunCommand;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  /** Prints the completion script for a shell. */
  readonly complete: (program: Command, shell: string) => void;
}

/** The command line: every command, argument and option. */
export function createProgram(options: ProgramOptions): Command {
  const { version, run, writeOut, writeErr } = options;
  const program = new Command('codex-gateways')
    .description('Signs in to a self-hosted Codex stack, and manages its executors and remote tokens.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    // What is wrong with a command line is told once, by whoever catches the error.
    .configureOutput({ writeOut, writeErr, outputError: () => undefined })
    .option('--server <url>', "codex-auth's public URL")
    .option('--exec-gateway <url>', "codex-exec-gateway's URL")
    .option('--app-gateway <url>', "codex-app-gateway's URL")
    .option('--json', 'print results and errors as JSON')
    .option('--verbose', 'tell of every exchange with a server; never shows a token')
    .addHelpText('after', EXIT_CODES);
  addSessionCommands(program, run);
  addConnectorCommands(program, run);
  addRemoteTokenCommands(program, run);
  addAdministrationCommands(program, run);
  addOperatorCommands(program, run);
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(program.createArgument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action((shell: string) => options.complete(program, shell));
  return program;
}

function addSessionCommands(program: Command, run: RunCommand): void {
  program
    .command('login')
    .description('sign in, and remember the server')
    .option('--device-code', 'sign in on another device (for machines without a browser)')
    .option('--no-browser', 'only show the URL')
    .option('--callback-port <port>', 'where the browser comes back to (default: any free port)', parsePort)
    .option('--client-id <id>', "another public client than the Codex CLI's own")
    .addOption(
      new Option('--secrets <place>', 'where tokens are kept').choices(['auto', 'keyring', 'file']).default('auto'),
    )
    .option(
      '--timeout <seconds>',
      'how long to wait for the person (default: 300, or as long as the code is good)',
      parseSeconds,
    )
    .action((options: LoginOptions) => run((context) => login(context, options)));
  program
    .command('logout')
    .description('revoke the sign-in and forget it here')
    .action(() => run(logout));
  program
    .command('whoami')
    .description('show who is signed in, and where')
    .action(() => run(whoami));
  program
    .command('token')
    .description('print a fresh access token, for scripts')
    .option('--header', 'as an Authorization header, for curl -H "$(…)"')
    .option('--env-var', 'print the name of the variable that takes an access token in place of a login')
    .action((options: { header?: boolean; envVar?: boolean }) => run((context) => token(context, options)));
}

function addConnectorCommands(program: Command, run: RunCommand): void {
  const connector = program.command('connector').description('manage connectors: executors with an identity');
  connector
    .command('add')
    .description('add an executor, and print what starts it')
    .argument('<name>', 'what people will call it')
    .option('--workspace <id or name>', 'the workspace that it serves')
    .option('--description <text>', 'what it is for')
    .option('--default', 'the one that turns use unless they choose another')
    .option('--run', 'start it here, on this terminal')
    .option('--codex <program>', 'the Codex CLI that --run starts', 'codex')
    .option('--for <version>', 'print what another version of the Codex CLI needs')
    .action((name: string, options: AddConnectorOptions) => run((context) => addConnector(context, name, options)));
  connector
    .command('list')
    .description('list the connectors of a workspace')
    .option('--workspace <id or name>', 'the workspace')
    .action((options: { workspace?: string }) => run((context) => listConnectors(context, options)));
  connector
    .command('remove')
    .description('remove an executor and its identity')
    .argument('<exe_id>', 'as "connector list" shows it')
    .action((exeId: string) => run((context) => removeConnector(context, exeId)));
  program
    .command('executors')
    .description('list executors, and which of them are online')
    .option('--workspace <id or name>', 'only of this workspace')
    .option('--online', 'only those that are online')
    .action((options: { workspace?: string; online?: boolean }) => run((context) => listExecutors(context, options)));
}

function addRemoteTokenCommands(program: Command, run: RunCommand): void {
  const remoteToken = program.command('remote-token').description('manage the tokens that "codex --remote" shows');
  remoteToken
    .command('mint')
    .description('mint a token; it is shown this once')
    .argument('<name>', 'what it is for')
    .option('--workspace <id or name>', 'the workspace that it opens')
    .option('--expires-in <duration>', "30m, 12h, 90d (default: the server's)", parseDurationMs)
    .action((name: string, options: { workspace?: string; expiresIn?: number }) =>
      run((context) => mintRemoteToken(context, name, options)),
    );
  remoteToken
    .command('list')
    .description('list tokens, without their text')
    .option('--workspace <id or name>', 'only of this workspace')
    .option('--all', 'revoked ones too')
    .action((options: { workspace?: string; all?: boolean }) => run((context) => listRemoteTokens(context, options)));
  remoteToken
    .command('revoke')
    .description('end a token')
    .argument('<id>', 'as "remote-token list" shows it')
    .action((id: string) => run((context) => revokeRemoteToken(context, id)));
  program
    .command('sessions')
    .description('list who is connected with "codex --remote"')
    .option('--workspace <id or name>', 'only of this workspace')
    .option('--all', 'those that ended in the last 30 days too')
    .action((options: { workspace?: string; all?: boolean }) => run((context) => listRemoteSessions(context, options)));
}

function addOperatorCommands(program: Command, run: RunCommand): void {
  const turns = program.command('turns').description('manage turns, as an operator');
  turns
    .command('revoke')
    .description(`end a turn everywhere (needs ${VARIABLES.execSharedSecret})`)
    .argument('<turn_id>', 'the turn')
    .option('--for <duration>', "how long to refuse it (default: the server's)", parseDurationMs)
    .action((turnId: string, options: { for?: number }) => run((context) => revokeTurn(context, turnId, options)));
  program
    .command('doctor')
    .description('look for what is wrong, and say how to fix it')
    .option('--codex <program>', 'the Codex CLI to look at', 'codex')
    .action((options: { codex: string }) => run((context) => doctor(context, options)));
}
