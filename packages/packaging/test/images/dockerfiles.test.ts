import { ALLOCATOR_ENVIRONMENT } from '@codex-gateways/runtime';
import { APPS, type App, PORTS, readManifest } from '../repository.ts';
import { buildContextFiles } from './build-context.ts';
import { finalStage, only, properties, readDockerfile } from './dockerfile.ts';

const BASE = /^node:24\.\d+\.\d+-slim$/;
const HOST_VARIABLES = {
  'codex-auth': 'CODEX_AUTH_HOST',
  'codex-app-gateway': 'CXG_APP_HOST',
  'codex-exec-gateway': 'CXG_HOST',
};
const SECRET = /SECRET|PASSWORD|TOKEN|_KEY|DATABASE_URL/;

describe.each(APPS)('the Dockerfile of %s', (app) => {
  const stages = readDockerfile(app);
  const final = finalStage(app);

  it('builds on one exact version of Node.js, the same in every stage and image', () => {
    const bases = new Set(stages.map(({ base }) => base).filter((base) => base !== 'base'));
    expect([...bases]).toEqual([expect.stringMatching(BASE)]);
    expect([...bases]).toEqual([finalStage('codex-auth').base]);
    expect(properties(final, 'LABEL')['org.opencontainers.image.base.name']).toBe(`docker.io/library/${final.base}`);
  });

  it('prunes with the version of turbo that the repository uses', () => {
    const turbo = readManifest('.').devDependencies?.turbo;
    const prune = stages.find(({ name }) => name === 'pruned')?.steps.find(({ keyword }) => keyword === 'RUN');
    expect(prune?.text).toBe(`npx --yes turbo@${turbo} prune @codex-gateways/${app} --production --docker`);
  });

  it('installs what the lock file says, without the scripts of packages', () => {
    const installs = stages.flatMap(({ steps }) => steps).filter(({ text }) => /^npm (ci|install|i)\b/.test(text));
    expect(installs.map(({ text }) => text)).toEqual(['npm ci --ignore-scripts', 'npm ci --omit=dev --ignore-scripts']);
  });

  it('runs Node.js itself, as process 1, by a user without a name and without rights', () => {
    expect(only(final, 'CMD').items).toEqual(['node', `apps/${app}/dist/main.js`]);
    expect(only(final, 'USER').text).toBe('10001:10001');
    expect(only(final, 'STOPSIGNAL').text).toBe('SIGTERM');
    expect(final.steps.findIndex(({ keyword }) => keyword === 'USER')).toBeGreaterThan(
      final.steps.findLastIndex(({ keyword }) => keyword === 'RUN' || keyword === 'COPY'),
    );
  });

  it('listens on every address of the container, on the port that it names', () => {
    expect(only(final, 'EXPOSE').text).toBe(String(PORTS[app]));
    expect(properties(final, 'ENV')).toMatchObject({
      NODE_ENV: 'production',
      [HOST_VARIABLES[app]]: '0.0.0.0',
      [HOST_VARIABLES[app].replace('HOST', 'PORT')]: String(PORTS[app]),
    });
  });

  it('has the allocator keep what a gateway frees, and codex-auth has it as it is', () => {
    const allocator = Object.entries(properties(final, 'ENV')).filter(([name]) => name.startsWith('MALLOC_'));
    expect(Object.fromEntries(allocator)).toEqual(app === 'codex-auth' ? {} : ALLOCATOR_ENVIRONMENT);
  });

  it('carries the labels of the Open Container Initiative', () => {
    expect(properties(final, 'LABEL')).toMatchObject({
      'org.opencontainers.image.title': app,
      'org.opencontainers.image.version': readManifest(`apps/${app}`).version,
      'org.opencontainers.image.licenses': 'MIT',
    });
  });

  it('has no secret in a layer', () => {
    const named = stages.flatMap(({ steps }) => steps).filter(({ keyword }) => keyword === 'ENV' || keyword === 'ARG');
    expect(named.map(({ text }) => text).filter((text) => SECRET.test(text))).toEqual([]);
  });
});

describe('the build context', () => {
  const withLocalFiles = [
    '.env',
    'apps/codex-auth/.env.local',
    '.git/config',
    '.local/secrets.json',
    'node_modules/ws/index.js',
    'packages/service/node_modules/x/index.js',
    'packages/service/dist/index.js',
    'apps/codex-auth/src/service.test.ts',
    'apps/codex-auth/test/person.ts',
    'npm-debug.log',
  ];

  it('has every package.json, the lock file and the migrations', () => {
    const files = buildContextFiles();
    expect(files).toEqual(expect.arrayContaining(['package-lock.json', 'tsconfig.base.json', 'turbo.json', '.npmrc']));
    for (const app of APPS) expect(files).toContain(`apps/${app satisfies App}/package.json`);
    expect(files.filter((path) => /^apps\/codex-auth\/migrations\/.*\.sql$/.test(path))).not.toHaveLength(0);
  });

  it('has no secrets, state, tests or anything built', () => {
    expect(buildContextFiles(withLocalFiles)).toEqual([]);
  });
});
