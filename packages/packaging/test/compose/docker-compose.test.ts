import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configProblems } from '../app-config.ts';
import { drainTimeoutOf } from '../drain-timeout.ts';
import { finalStage, only, properties } from '../images/dockerfile.ts';
import { APPS, type App, PORTS, ROOT, readManifest, variablesOf } from '../repository.ts';
import { COMPOSE_SPEC, describeWith, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { type ComposeService, newEnv, readComposeFile, writeComposeFile } from './compose-file.ts';

const { services, networks } = readComposeFile();
const all = Object.entries(services);
const service = (name: string): ComposeService => {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};

describe('docker-compose.yml', () => {
  it('runs PostgreSQL and the three services, nothing else', () => {
    expect(Object.keys(services).sort()).toEqual(['postgres', ...APPS].sort());
  });

  it('waits for the health of what a service needs before it starts it', () => {
    const healthy = (...names: string[]) =>
      Object.fromEntries(names.map((name) => [name, { condition: 'service_healthy' }]));
    expect(service('codex-auth').depends_on).toEqual(healthy('postgres'));
    expect(service('codex-exec-gateway').depends_on).toEqual(healthy('postgres', 'codex-auth'));
    expect(service('codex-app-gateway').depends_on).toEqual(healthy('codex-auth', 'codex-exec-gateway'));
    for (const app of APPS) expect(only(finalStage(app), 'HEALTHCHECK').items.join(' ')).toContain('/healthz');
  });

  it.each(APPS)('publishes one port of %s, on the loopback address unless told otherwise', (app) => {
    const filled = readComposeFile({ ...newEnv(), BIND_ADDRESS: '' }).services[app];
    expect(filled?.ports).toEqual([`127.0.0.1:${PORTS[app]}:${PORTS[app]}`]);
  });

  it('publishes no port of the database, and lets only those reach it that use it', () => {
    expect(service('postgres').ports).toBeUndefined();
    expect(networks.database?.internal).toBe(true);
    const onNetwork = all.filter(([, { networks: joined }]) => joined.includes('database')).map(([name]) => name);
    expect(onNetwork.sort()).toEqual(['codex-auth', 'codex-exec-gateway', 'postgres']);
  });

  it.each(all)('takes every right from %s that it does not need', (_, each) => {
    expect(each).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
    });
    expect(each.cap_add).toBeUndefined();
    expect(each.deploy.resources.limits).toEqual({ memory: expect.any(String), pids: expect.any(Number) });
  });

  it.each(APPS)('runs %s from the image of this version, as its user', (app) => {
    expect(service(app).build).toEqual({ context: '.', dockerfile: `apps/${app}/Dockerfile` });
    expect(service(app).image).toBe(`codex-gateways/${app}:${readManifest(`apps/${app}`).version}`);
    expect(service(app).user).toBe(only(finalStage(app), 'USER').text);
  });

  it('pins the version of PostgreSQL', () => {
    expect(service('postgres').image).toMatch(/^postgres:\d+\.\d+$/);
  });

  it('keeps the database and the state of the app-gateway in volumes', () => {
    expect(service('postgres').volumes).toEqual(['postgres:/var/lib/postgresql']);
    const stateDir = properties(finalStage('codex-app-gateway'), 'ENV').CXG_STATE_DIR;
    expect(service('codex-app-gateway').volumes).toEqual([`app-gateway:${stateDir}`]);
  });

  it.each(APPS)('sets only variables that %s reads', (app) => {
    const known = variablesOf(app);
    expect(Object.keys(service(app).environment).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(APPS)('gives %s more time to stop than it takes to drain', (app) => {
    const seconds = Number(/^(\d+)s$/.exec(service(app).stop_grace_period)?.[1]);
    expect(seconds).toBeGreaterThan(2 * drainTimeoutOf(app).seconds);
  });

  it('gives the same secret to both ends of a call', () => {
    const { services: filled } = readComposeFile(newEnv());
    const value = (app: App, name: string) => filled[app]?.environment[name];
    expect(value('codex-app-gateway', 'CXG_AGENTSERVER_INTERNAL_SECRET')).toBe(
      value('codex-auth', 'INTERNAL_API_SECRET'),
    );
    expect(value('codex-exec-gateway', 'CXG_AGENTSERVER_INTERNAL_SECRET')).toBe(
      value('codex-auth', 'INTERNAL_API_SECRET'),
    );
    expect(value('codex-app-gateway', 'CXG_EXEC_GATEWAY_INTERNAL_SECRET')).toBe(
      value('codex-exec-gateway', 'CXG_INTERNAL_SHARED_SECRET'),
    );
    expect(value('codex-app-gateway', 'CXG_CAPTOKEN_HMAC_SECRET')).toBe(
      value('codex-exec-gateway', 'CXG_CAPTOKEN_HMAC_SECRET'),
    );
  });

  it.each(APPS)('gives %s a configuration that it accepts', async (app) => {
    const { environment = {} } = readComposeFile(newEnv()).services[app] ?? {};
    const problems = await configProblems(app, [{ ...properties(finalStage(app), 'ENV'), ...environment }, {}]);
    expect(problems).toEqual(['', expect.stringContaining('is required')]);
  });

  it('has each replica of the exec-gateway say an address that is its own', () => {
    expect(service('codex-exec-gateway').environment.CXG_SELF_INTERNAL_URL).toBe('auto');
  });

  it('has no secret of its own, and does not start without a generated one', () => {
    const env = newEnv();
    for (const name of Object.keys(env).filter(
      (each) => /SECRET|PASSWORD|_KEY$/.test(each) && each !== 'FIRST_USER_PASSWORD',
    )) {
      expect(() => readComposeFile({ ...env, [name]: '' })).toThrow(`${name} is required`);
    }
  });

  it('uses every variable of the generated .env', () => {
    const names: readonly string[] = JSON.stringify(services).match(/(?<=\$\{)\w+/g) ?? [];
    expect(Object.keys(newEnv()).filter((name) => !names.includes(name))).toEqual([]);
  });
});

describeWith(COMPOSE_SPEC)('the parser of docker compose', () => {
  let program: string;
  let folder: string;
  beforeAll(async () => {
    program = await programOf(COMPOSE_SPEC);
  }, TOOL_TIMEOUT_MS);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-gateways-compose-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const load = (...options: string[]): { services: Record<string, { ports?: { host_ip: string }[] }> } =>
    JSON.parse(
      execFileSync(program, [...options, '-format', 'json', 'docker-compose.yml'], {
        cwd: folder,
        encoding: 'utf8',
        stdio: 'pipe',
      }),
    );

  it('accepts the file as it is', () => {
    cpSync(join(ROOT, 'docker-compose.yml'), join(folder, 'docker-compose.yml'));
    expect(Object.keys(load('-no-interpolation').services)).toHaveLength(4);
  });

  it('accepts the file with a generated .env filled in', () => {
    writeComposeFile(join(folder, 'docker-compose.yml'), readComposeFile(newEnv()));
    const loaded = Object.values(load().services).flatMap(({ ports = [] }) => ports.map(({ host_ip }) => host_ip));
    expect(loaded).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
  });

  it('refuses what Compose does not know', () => {
    const file = readComposeFile(newEnv());
    writeFileSync(
      join(folder, 'docker-compose.yml'),
      JSON.stringify({ ...file, services: { a: { image: 'a', readonly: true } } }),
    );
    expect(() => load()).toThrow(/readonly/);
  });
});
