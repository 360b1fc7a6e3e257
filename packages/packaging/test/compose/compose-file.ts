import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT, readText } from '../repository.ts';

/** What the tests look at in a service of docker-compose.yml, as written there. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt: readonly string[];
  readonly tmpfs: readonly string[];
  readonly stop_grace_period: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks: readonly string[];
  readonly deploy: { readonly resources: { readonly limits: { readonly memory: string; readonly pids: number } } };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
}

const GENERATE_ENV = join(ROOT, 'packages', 'packaging', 'bin', 'generate-env.mjs');

/** docker-compose.yml with its variables as they are, or filled in from `env` as Compose does. */
export function readComposeFile(env?: Readonly<Record<string, string>>): ComposeFile {
  const file = parse(readText('docker-compose.yml'), { merge: true }) as ComposeFile;
  return env ? (fillIn(file, env) as ComposeFile) : file;
}

/** Runs generate-env.mjs. @returns its exit code and standard error, and the file's text and mode if there is one */
export function generateEnv(file: string): { code: number; stderr: string } {
  try {
    execFileSync(process.execPath, [GENERATE_ENV, file], { encoding: 'utf8', stdio: 'pipe' });
    return { code: 0, stderr: '' };
  } catch (error) {
    const { status, stderr } = error as { status: number; stderr: string };
    return { code: status, stderr };
  }
}

/** The variables of a new .env. */
export function newEnv(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'codex-gateways-env-'));
  try {
    generateEnv(join(folder, '.env'));
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** Writes a filled-in file as JSON, which is YAML, for a program to read. */
export function writeComposeFile(path: string, file: ComposeFile): void {
  writeFileSync(path, JSON.stringify(file));
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?reason}`; what is required and missing throws. */
function fillIn(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, operator?: string, rest = '') => {
      const found = env[name];
      if (found) return found;
      if (operator === '?') throw new Error(`${name} is required${rest && `: ${rest}`}`);
      return rest;
    });
  }
  if (Array.isArray(value)) return value.map((each) => fillIn(each, env));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillIn(each, env)]));
}
