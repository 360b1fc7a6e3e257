import { basename, dirname, join, normalize } from 'node:path/posix';

/**
 * The arrows of this repository, as docs/architecture.md draws them. A rule gets a file and gives what is wrong with it:
 * `[{ line, why }]`. A file is `{ path, app | package, feature, isTest, module }`; paths are relative to the root.
 */
const MAX_LINES = 300;
const PURE_PACKAGES = ['tokens', 'crypto', 'relay-protocol'];
const IO_MODULES =
  /^(node:)?(fs|net|http|https|http2|tls|dgram|dns|child_process|cluster|worker_threads)(\/|$)|^(pg|undici|ws|express)(\/|$)/;
const SCOPE = '@codex-gateways/';

const isStore = (path) => /-store\.ts$/.test(path);
const isRoute = (path) => /-routes?\.ts$/.test(path);

/** An import of a file of this repository, as a path relative to the root. */
const targetOf = (file, specifier) =>
  specifier.startsWith('.') ? normalize(join(dirname(file.path), specifier)) : undefined;
const workspaceOf = (path) => path.split('/').slice(0, 2).join('/');
const featureOf = (path) => /^apps\/[^/]+\/src\/([^/]+)\//.exec(path)?.[1];

/** Imports that break a rule, each with its reason. */
const offending = (file, reasonFor) =>
  file.module.imports.flatMap((each) => {
    const why = reasonFor(each, targetOf(file, each.specifier));
    return why ? [{ line: each.line, why }] : [];
  });

function appOf({ specifier }, target, apps) {
  if (target) return /^apps\/([^/]+)\//.exec(target)?.[1];
  const name = specifier.startsWith(SCOPE) ? specifier.slice(SCOPE.length).split('/')[0] : undefined;
  return apps.includes(name) ? name : undefined;
}

export const RULES = {
  'apps-import-no-apps': (file, { apps }) =>
    offending(file, (each, target) => {
      const imported = appOf(each, target, apps);
      if (file.app && imported && imported !== file.app) return `an app does not import another app (${imported})`;
    }),

  'packages-import-no-apps': (file, { apps }) =>
    offending(file, (each, target) => {
      const imported = appOf(each, target, apps);
      if (file.package && imported) return `a package does not import an app (${imported})`;
    }),

  'no-path-into-another-workspace': (file) =>
    offending(file, ({ specifier }, target) => {
      if (target && workspaceOf(target) !== workspaceOf(file.path)) {
        return `${specifier} leaves the package: import it by its name`;
      }
    }),

  // Types are erased: a value of them can only have been passed in.
  'stores-stay-in-their-feature': (file) =>
    file.isTest || !file.feature
      ? []
      : offending(file, ({ typeOnly }, target) => {
          if (!target || typeOnly || !isStore(target) || featureOf(target) === file.feature) return undefined;
          return `${basename(target)} belongs to the feature ${featureOf(target) ?? '(none)'}: ask its domain module`;
        }),

  'routes-are-the-outermost': (file) =>
    file.isTest || !file.feature || isRoute(file.path)
      ? []
      : offending(file, (_, target) => {
          if (target && isRoute(target))
            return `a store or domain module does not import a route (${basename(target)})`;
        }),

  'routes-know-stores-as-types': (file) =>
    file.isTest || !isRoute(file.path)
      ? []
      : offending(file, ({ typeOnly }, target) => {
          if (target && isStore(target) && !typeOnly) return `a route does not import a store (${basename(target)})`;
        }),

  'environment-is-read-in-config': (file) =>
    file.isTest ||
    ['local-stack', 'testing', 'test-runner'].includes(file.package) ||
    /^(config|main)\.ts$/.test(basename(file.path))
      ? []
      : file.module.environmentLines.map((line) => ({
          line,
          why: 'process.env is read in config.ts and main.ts only',
        })),

  'pg-is-for-stores': (file) =>
    file.isTest || file.package === 'database' || isStore(file.path) || basename(file.path) === 'service.ts'
      ? []
      : offending(file, ({ specifier }) => {
          if (/^pg(\/|$)/.test(specifier)) return 'pg is imported by stores, service.ts and packages/database only';
        }),

  'pure-packages-do-no-io': (file) =>
    file.isTest || !PURE_PACKAGES.includes(file.package)
      ? []
      : offending(file, ({ specifier }) => {
          if (IO_MODULES.test(specifier)) return `packages/${file.package} does no I/O (${specifier})`;
        }),

  'files-stay-short': (file) =>
    file.isTest || file.module.lines <= MAX_LINES
      ? []
      : [{ line: MAX_LINES + 1, why: `${file.module.lines} lines, more than ${MAX_LINES}: split it` }],
};
