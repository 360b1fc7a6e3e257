import { printable } from '@codex-gateways/token-source';
import type { CliContext } from '../cli-context.ts';
import { CliError, usageError } from '../cli-error.ts';
import { codexVersion, runCodex } from '../codex/codex-program.ts';
import { type ExecutorStart, type Generation, generationOf, parseCodexVersion } from '../codex/generations.ts';
import { ExitCode } from '../exit-code.ts';
import { shellQuote, table } from '../output.ts';
import { type AddedConnector, addedConnectorSchema, connectorsSchema } from './wire.ts';
import { chooseWorkspace } from './workspace.ts';

export interface AddConnectorOptions {
  readonly workspace?: string;
  readonly description?: string;
  readonly default?: boolean;
  readonly run?: boolean;
  /** The Codex CLI's program. */
  readonly codex: string;
  /** The Codex CLI's version, when another machine will run it. */
  readonly for?: string;
}

/**
 * Adds an executor and shows, or runs, what starts it.
 * @returns the exit code: of the executor with `--run`
 */
export async function addConnector(context: CliContext, name: string, options: AddConnectorOptions): Promise<number> {
  const { api, out, io } = context;
  // Before anything is created: the identity is shown once, and is lost when the program that needs it is not there.
  const generation = await chooseGeneration(context, options);
  const workspace = await chooseWorkspace(context, options.workspace);
  const body = {
    workspace_id: workspace.id,
    name,
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.default ? { is_default: true } : {}),
  };
  const added = await api.call('/api/codex/connectors', addedConnectorSchema, { method: 'POST', body });
  const start = startOf(added, generation, context.server);
  const command = ['codex', ...start.args].map(shellQuote).join(' ');
  if (!options.run) {
    const json = { ...added, environment: start.environment, command };
    out.result(json, describeStart({ name, workspaceName: workspace.name, added, start, command }));
    return ExitCode.ok;
  }
  out.note(`Executor "${printable(name)}" (${added.exe_id}) of workspace ${printable(workspace.name)} is added.`);
  out.note(`Running ${command}`);
  out.note(`Ctrl-C ends it; "codex-gateways connector remove ${added.exe_id}" removes it.`);
  return runCodex(options.codex, start.args, { env: { ...io.env, ...start.environment }, signal: io.signal });
}

/** The connectors of a workspace. */
export async function listConnectors(context: CliContext, options: { workspace?: string }): Promise<void> {
  const workspace = await chooseWorkspace(context, options.workspace);
  const query = { workspace_id: workspace.id };
  const connectors = await context.api.call('/api/codex/connectors', connectorsSchema, { query });
  const rows = connectors.map((each) => [
    each.exe_id,
    `${each.name}${each.is_default ? ' (default)' : ''}`,
    each.is_online ? 'online' : 'offline',
    each.codex_version ?? '',
    each.identity_expires_at ?? '',
  ]);
  const empty = `Workspace ${printable(workspace.name)} has no connectors. Add one: codex-gateways connector add <name>`;
  context.out.result(connectors, table(['ID', 'NAME', 'STATE', 'CODEX', 'IDENTITY UNTIL'], rows, empty));
}

/** Removes an executor and its identity; one that runs is cut off. */
export async function removeConnector({ api, out }: CliContext, exeId: string): Promise<void> {
  await api.send(`/api/codex/connectors/${encodeURIComponent(exeId)}`, { method: 'DELETE' });
  out.result({ exe_id: exeId, is_removed: true }, `Connector ${printable(exeId)} is removed.`);
}

/** @returns undefined for what the server suggests */
async function chooseGeneration(
  { io }: CliContext,
  options: Pick<AddConnectorOptions, 'run' | 'for' | 'codex'>,
): Promise<Generation | undefined> {
  if (!options.run && options.for === undefined) return undefined;
  if (options.run && options.for !== undefined)
    throw usageError('--for is for another machine: it does not go with --run');
  const version =
    options.for === undefined ? await codexVersion(options.codex, io.env) : parseCodexVersion(options.for);
  if (!version) throw usageError('--for must be a version such as 0.169.0');
  const generation = generationOf(version);
  if (generation?.hasAgentIdentity) return generation;
  const needs = generation?.needs ?? 'version 0.132 or later';
  const message = `Codex CLI ${version.join('.')} cannot be an executor here: it needs ${needs}`;
  throw new CliError(ExitCode.failure, 'codex_unsuitable', message);
}

function startOf(added: AddedConnector, generation: Generation | undefined, issuer: string): ExecutorStart {
  const [program, ...args] = added.command.split(' ');
  const execGatewayUrl = args[args.indexOf('--remote') + 1];
  const agentIdentityJwt = added.environment.CODEX_ACCESS_TOKEN;
  if (program !== 'codex' || execGatewayUrl === undefined || agentIdentityJwt === undefined) {
    const message = `the server suggests a command that is not understood: "${printable(added.command)}"`;
    throw new CliError(ExitCode.failure, 'unexpected_answer', message);
  }
  const own = generation?.start?.({ exeId: added.exe_id, issuer, execGatewayUrl, agentIdentityJwt });
  return own ?? { args, environment: added.environment };
}

/** A script: `codex-gateways connector add laptop > start-executor.sh`. */
function describeStart(facts: {
  name: string;
  workspaceName: string;
  added: AddedConnector;
  start: ExecutorStart;
  command: string;
}): string {
  const { name, workspaceName, added, start, command } = facts;
  const until = added.identity_expires_at ? `, good until ${printable(added.identity_expires_at)}` : '';
  return [
    `# Executor "${printable(name)}" (${added.exe_id}) of workspace ${printable(workspaceName)}.`,
    `# CODEX_ACCESS_TOKEN is its identity${until}: a secret, and shown only this once.`,
    ...Object.entries(start.environment).map(([variable, value]) => `export ${variable}=${shellQuote(value)}`),
    command,
  ].join('\n');
}
