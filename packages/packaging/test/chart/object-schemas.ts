import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder, userCacheFolder } from '@codex-gateways/testing';
import { ROOT } from '../repository.ts';
import type { KubernetesObject } from './helm.ts';

const SCHEMAS = join(ROOT, 'packages', 'packaging', 'schemas');
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');
const run = promisify(execFile);

/** Packages that carry the types and schemas of an API group; Kubernetes' own are in kubernetes-models. */
const PACKAGES: Readonly<Record<string, string>> = {
  'external-secrets.io': '@kubernetes-models/external-secrets',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

/** The packages that schemas/package-lock.json names, installed once for a user. */
async function schemaFolder(): Promise<string> {
  const lock = readFileSync(join(SCHEMAS, 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  return cachedFolder(join(await userCacheFolder(), `kubernetes-schemas-${key}`), async (staging) => {
    cpSync(SCHEMAS, staging, { recursive: true, filter: (path) => !path.includes('node_modules') });
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: staging });
  });
}

/**
 * Checks objects against the API of Kubernetes and of the operators, in two ways: their JSON schemas, which know forms and limits,
 * and their TypeScript types, which know every field that there is.
 * @returns one line for each problem
 */
export async function problemsOf(objects: readonly KubernetesObject[]): Promise<string[]> {
  const folder = mkdtempSync(join(await schemaFolder(), 'check-'));
  try {
    return [...(await checkSchemas(folder, objects)), ...(await checkTypes(folder, objects))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function checkSchemas(folder: string, objects: readonly KubernetesObject[]): Promise<string[]> {
  const lines = objects.map(
    (object, index) => `
      import { ${object.kind} as Kind${index} } from '${moduleOf(object)}';
      try { new Kind${index}(${JSON.stringify(object)}).validate(); } catch (error) { problems.push(${JSON.stringify(titleOf(object))} + ': ' + error.message); }`,
  );
  const program = `const problems = [];${lines.join('')}\nconsole.log(JSON.stringify(problems));`;
  writeFileSync(join(folder, 'check.mjs'), program);
  const { stdout } = await run(process.execPath, [join(folder, 'check.mjs')]);
  return JSON.parse(stdout) as string[];
}

async function checkTypes(folder: string, objects: readonly KubernetesObject[]): Promise<string[]> {
  const lines = objects.map(
    (object, index) =>
      `import type { I${object.kind} as Kind${index} } from '${moduleOf(object)}'; export const object${index}: Kind${index} = ${JSON.stringify(object)};`,
  );
  writeFileSync(join(folder, 'check.ts'), lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  try {
    await run(TSC, [...options, '--ignoreConfig', 'check.ts'], { cwd: folder });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: string };
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => nameObject(line, objects));
  }
}

/** tsc names a line of the file, and each line of it is an object. */
function nameObject(line: string, objects: readonly KubernetesObject[]): string {
  const object = objects[Number(/^check\.ts\((\d+),/.exec(line)?.[1]) - 1];
  return object ? `${titleOf(object)}: ${line}` : line;
}

function titleOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.name}`;
}

function moduleOf({ apiVersion }: KubernetesObject): string {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  return `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}`;
}
