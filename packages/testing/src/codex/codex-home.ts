import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { whenThisProcessIsGone } from '../processes/process-guard.ts';

// Not among the temporary files: there the CLI refuses to link its helper programs.
const HOMES_FOLDER = fileURLToPath(new URL('../../node_modules/.cache/codex-homes/', import.meta.url));

/** Keeps the CLI from calling its vendor by itself: updates, metrics, the plugin catalogue. [0.140 0.169] */
export const QUIET_CONFIG = `check_for_update_on_startup = false
analytics.enabled = false
features.plugins = false
`;

/** A home folder for one Codex CLI: `HOME` and `CODEX_HOME` at once. */
export interface CodexHome {
  readonly path: string;
  /** An empty folder inside, where {@link runCodex} works when it is not told another. */
  readonly workFolder: string;
  /** The parsed `auth.json`, or undefined when nobody is logged in. */
  readAuth(): Promise<CodexAuth | undefined>;
  /** Deletes the folder. It is also deleted when this process is gone. */
  remove(): Promise<void>;
}

/** What `auth.json` holds after a login [0.140–0.169]; see docs/protocol.md, "Logging in". */
export interface CodexAuth {
  auth_mode?: string;
  OPENAI_API_KEY: string | null;
  tokens?: { id_token: string; access_token: string; refresh_token: string; account_id: string | null };
  last_refresh?: string;
}

/**
 * Makes a home.
 * @param options.config - what `config.toml` holds after {@link QUIET_CONFIG}, whose tables it therefore extends with dotted
 *   keys (`features.x = true`), not with headers
 */
export async function createCodexHome({ config = '' }: { config?: string } = {}): Promise<CodexHome> {
  await mkdir(HOMES_FOLDER, { recursive: true });
  const path = await mkdtemp(join(HOMES_FOLDER, `${process.pid}-`));
  const callGuardOff = whenThisProcessIsGone('rm -rf "$1" || { sleep 1; rm -rf "$1"; }', [path]);
  const workFolder = join(path, 'work');
  await Promise.all([
    mkdir(workFolder),
    mkdir(join(path, 'tmp')),
    writeFile(join(path, 'config.toml'), QUIET_CONFIG + config),
  ]);
  return {
    path,
    workFolder,
    readAuth: () => readAuth(path),
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      callGuardOff();
    },
  };
}

async function readAuth(home: string): Promise<CodexAuth | undefined> {
  try {
    return JSON.parse(await readFile(join(home, 'auth.json'), 'utf8')) as CodexAuth;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
