import { homedir } from 'node:os';
import { join } from 'node:path';
import { usageError } from '../cli-error.ts';
import { type EnvironmentSettings, VARIABLES } from '../config.ts';
import { ConfigFile, type SavedConfig, type ServerEntry } from './config-file.ts';

/** What can be given on every command line. */
export interface GlobalOptions {
  readonly server?: string;
  readonly execGateway?: string;
  readonly appGateway?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The command line comes before the environment, and that before what was saved. */
export interface Settings {
  readonly env: EnvironmentSettings;
  readonly configFile: ConfigFile;
  /** codex-auth's public base: the issuer of its tokens. */
  readonly server: string | undefined;
  /** What is saved of that server. */
  readonly entry: ServerEntry;
  readonly execGatewayUrl: string | undefined;
  readonly appGatewayUrl: string | undefined;
  /** Where encrypted files and locks are kept. */
  readonly dataFolder: string;
}

/** @throws {CliError} `usage` for an address that is none; `config_unusable` */
export async function readSettings(options: GlobalOptions, env: EnvironmentSettings): Promise<Settings> {
  const configFile = new ConfigFile(
    join(env.configHome ?? join(homedir(), '.config'), 'codex-gateways', 'config.json'),
  );
  const saved: SavedConfig = await configFile.read();
  const server = normalizeUrl(options.server ?? env.authUrl ?? saved.server, '--server');
  const entry = (server === undefined ? undefined : saved.servers[server]) ?? {};
  return {
    env,
    configFile,
    server,
    entry,
    execGatewayUrl: normalizeUrl(options.execGateway ?? env.execGatewayUrl ?? entry.exec_gateway_url, '--exec-gateway'),
    appGatewayUrl: normalizeUrl(options.appGateway ?? env.appGatewayUrl ?? entry.app_gateway_url, '--app-gateway'),
    dataFolder: join(env.dataHome ?? join(homedir(), '.local', 'share'), 'codex-gateways'),
  };
}

/** @throws {CliError} `usage` */
export function requireServer({ server }: Pick<Settings, 'server'>): string {
  if (server !== undefined) return server;
  throw usageError(`which server? Give --server <codex-auth's URL>, set ${VARIABLES.authUrl}, or log in to one first`);
}

/** One spelling for one address, without a slash at the end. */
function normalizeUrl(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(s?):/, 'http$1:')) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw usageError(`${option} must be an http or https URL without a query, not "${text.slice(0, 100)}"`);
  }
  return url.href.replace(/\/+$/, '');
}
