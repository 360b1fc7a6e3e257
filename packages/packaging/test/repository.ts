import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** The services: folder names under apps/, and the port each listens on when nobody says otherwise. */
export const PORTS = { 'codex-auth': 8081, 'codex-app-gateway': 8082, 'codex-exec-gateway': 8083 } as const;
export type App = keyof typeof PORTS;
export const APPS = Object.keys(PORTS) as App[];

/** The parts of a package.json that matter here. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Text of a file of the repository. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The package.json in a folder of the repository. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readText(join(folder, 'package.json'))) as Manifest;
}

/** Files that belong to the repository: known to git, or new and not ignored. Relative paths. */
export function repositoryFiles(): string[] {
  const options = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', options, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

/** Folders of the workspace packages that an app needs in production, itself left out, sorted. */
export function productionPackages(app: App): string[] {
  const found = new Set<string>();
  const visit = (folder: string) => {
    for (const name of Object.keys(readManifest(folder).dependencies ?? {})) {
      const dependency = name.startsWith('@codex-gateways/') ? `packages/${name.split('/')[1]}` : undefined;
      if (!dependency || found.has(dependency)) continue;
      found.add(dependency);
      visit(dependency);
    }
  };
  visit(`apps/${app}`);
  return [...found].sort();
}

/** Names of environment variables that an app's config.ts reads. */
export function variablesOf(app: App): Set<string> {
  const source = readText(join(dirname(`apps/${app}/src/config.ts`), 'config.ts'));
  return new Set(source.match(/(?<=['.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g));
}
