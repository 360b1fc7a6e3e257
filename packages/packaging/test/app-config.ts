import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type App, ROOT } from './repository.ts';

type Environment = Readonly<Record<string, string>>;

/** Has an app read environments as it does when it starts. @returns what it complains about each; empty when it does not */
export async function configProblems(app: App, environments: readonly Environment[]): Promise<string[]> {
  const compiled = join(ROOT, 'apps', app, 'dist', 'config.js');
  if (!existsSync(compiled)) throw new Error(`${compiled} is missing: run "npm run build" first`);
  const program = `
    const { readConfig } = await import(${JSON.stringify(pathToFileURL(compiled).href)});
    const problemOf = (env) => { try { readConfig(env); return ''; } catch (error) { return error.message; } };
    console.log(JSON.stringify(JSON.parse(process.env.ENVIRONMENTS).map(problemOf)));`;
  const env = { ENVIRONMENTS: JSON.stringify(environments) };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { env });
  return JSON.parse(stdout) as string[];
}
