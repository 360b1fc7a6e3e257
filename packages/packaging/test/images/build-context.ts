import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, readText, repositoryFiles } from '../repository.ts';

/** The repository's files that .dockerignore lets into a build, as relative paths. */
export function buildContextFiles(files: readonly string[] = repositoryFiles()): string[] {
  const rules = readText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isException: line.startsWith('!'), pattern: toRegExp(line.replace(/^!/, '')) }));
  // The last rule that matches decides.
  return files.filter((path) => rules.findLast(({ pattern }) => pattern.test(path))?.isException ?? true);
}

/** Copies what `COPY . .` would. */
export function copyBuildContext(folder: string): void {
  for (const path of buildContextFiles()) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
}

/** A pattern also matches everything below the folder that it names. */
function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**/', '(?:.*/)?')
    .replace(/(?<!\.)\*/g, '[^/]*');
  return new RegExp(`^${source}(?:/.*)?$`);
}
