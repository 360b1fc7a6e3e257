import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModule } from './read-module.mjs';
import { RULES } from './rules.mjs';

/** Checks every source file of apps/ and packages/. @returns one line a violation: `file:line rule: why` */
export function checkTree(root) {
  const context = { apps: listFolders(join(root, 'apps')) };
  return listFiles(root).flatMap((path) => checkFile(root, path, context));
}

function checkFile(root, path, context) {
  let module;
  try {
    module = readModule(readFileSync(join(root, path), 'utf8'));
  } catch (error) {
    return [`${path}:1 unreadable: ${error.message.split('\n')[0]}`];
  }
  const [, kind, name] = /^(apps|packages)\/([^/]+)\//.exec(path);
  const file = {
    path,
    module,
    app: kind === 'apps' ? name : undefined,
    package: kind === 'packages' ? name : undefined,
    feature: /^apps\/[^/]+\/src\/([^/]+)\//.exec(path)?.[1],
    isTest: /\.test\.ts$/.test(path) || /^[^/]+\/[^/]+\/test\//.test(path),
  };
  return Object.entries(RULES).flatMap(([rule, check]) =>
    check(file, context).map(({ line, why }) => `${path}:${line} ${rule}: ${why}`),
  );
}

function listFiles(root) {
  return ['apps', 'packages'].flatMap((kind) =>
    listFolders(join(root, kind)).flatMap((name) =>
      ['src', 'test', 'bin']
        .map((folder) => `${kind}/${name}/${folder}`)
        .filter((folder) => existsSync(join(root, folder)))
        .flatMap((folder) => listSources(root, folder)),
    ),
  );
}

function listSources(root, folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .sort()
    .map((file) => `${folder}/${file}`);
}

function listFolders(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
