import { readFileSync } from 'node:fs';
import { configurationProblems, undocumentedVariables } from '@codex-gateways/testing';
import { readConfig } from './config.ts';

const SECRET = '0123456789abcdef';
const MINIMAL = {
  CXG_AGENTSERVER_INTERNAL_URL: 'http://127.0.0.1:8081',
  CXG_AGENTSERVER_INTERNAL_SECRET: SECRET,
  CXG_EXEC_GATEWAY_URL: 'ws://127.0.0.1:8083',
  CXG_EXEC_GATEWAY_INTERNAL_URL: 'http://127.0.0.1:8083',
  CXG_EXEC_GATEWAY_INTERNAL_SECRET: SECRET,
  CXG_CAPTOKEN_HMAC_SECRET: SECRET,
  CXG_STATE_DIR: '/var/lib/gateway',
};

const problemsOf = (env: Record<string, string>) => configurationProblems(readConfig, env);

describe('configuration', () => {
  it('needs no more than where the others are, the secrets and a folder', () => {
    const { port, host, inbound, backend, allowedOrigins, limits } = readConfig(MINIMAL);
    expect({ port, host, allowedOrigins }).toEqual({ port: 8082, host: '127.0.0.1', allowedOrigins: [] });
    expect(inbound).toEqual({
      kind: 'remote',
      agentserverUrl: 'http://127.0.0.1:8081',
      agentserverSecret: SECRET,
      timeoutMs: 5000,
      breakerFailures: 5,
      breakerBackOffMs: 1000,
      sessionReportIntervalMs: 15_000,
    });
    expect(backend).toMatchObject({
      kind: 'launch',
      codexBinary: '',
      stateDir: '/var/lib/gateway',
      capabilityLifetimeSeconds: 86_400,
      idleShutdownMs: 30 * 60_000,
      maxAppServers: 32,
      model: { name: undefined, provider: 'gateway', apiKey: undefined, wireApi: 'responses' },
    });
    expect(limits).toMatchObject({ maxFrameBytes: 64 * 1024 * 1024, maxPendingUpgrades: 256 });
  });

  it('names everything that is missing at once, and no value', () => {
    const problems = problemsOf({ CXG_APP_PORT: 'secret-looking', CXG_CAPTOKEN_HMAC_SECRET: 'short' });
    for (const name of Object.keys(MINIMAL)) expect(problems.join('\n')).toContain(name);
    expect(problems.join('\n')).toContain('CXG_APP_PORT');
    expect(problems.join('\n')).not.toMatch(/secret-looking|short/);
  });

  it.each([
    ['CXG_IDLE_SHUTDOWN', '30'],
    ['CXG_IDLE_SHUTDOWN', '0s'],
    ['CXG_IDLE_SHUTDOWN', '25d'],
    ['CXG_CAPTOKEN_TTL', '59s'],
    ['CXG_EXEC_GATEWAY_URL', 'http://127.0.0.1:8083'],
    ['CXG_EXEC_GATEWAY_INTERNAL_URL', 'ws://127.0.0.1:8083'],
    ['CXG_INBOUND_AUTH', 'none'],
    ['CXG_MAX_APP_SERVERS', '0'],
    ['CXG_MODEL_PROVIDER', 'a b'],
    ['CXG_MODEL_PROVIDER', 'openai'],
    ['CXG_MODEL_PROVIDER_ENV_KEY', 'PATH'],
    ['CXG_MODEL_PROVIDER_ENV_KEY', 'CODEX_HOME'],
    ['CXG_MODEL_PROVIDER_ENV_KEY', 'LD_PRELOAD'],
    ['CXG_MODEL_PROVIDER_ENV_KEY', 'CODEX_EXEC_SERVER_URL'],
    ['CXG_MODEL_PROVIDER_WIRE_API', 'soap'],
    ['CXG_MAX_FRAME_BYTES', '100'],
    ['CXG_BUFFER_CAP_BYTES', '1048576'],
    ['CXG_ALLOWED_ORIGINS', 'console.example'],
    ['CXG_ALLOWED_ORIGINS', 'https://console.example, https://other.example/'],
  ])('refuses to start with %s=%s', (name, value) => {
    expect(problemsOf({ ...MINIMAL, [name]: value })).toEqual([expect.stringContaining(name)]);
  });

  it('renews a lease before it runs out', () => {
    const replica = { ...MINIMAL, CXG_APP_SELF_INTERNAL_URL: 'http://gateway-1:8082', CXG_APP_LEASE: '5s' };
    expect(problemsOf({ ...replica, CXG_APP_LEASE_RENEWAL: '5s' })).toEqual([
      expect.stringContaining('CXG_APP_LEASE_RENEWAL'),
    ]);
    expect(readConfig({ ...replica, CXG_APP_LEASE_RENEWAL: '4s' }).backend).toMatchObject({
      replica: { leaseSeconds: 5, leaseRenewalMs: 4000 },
    });
  });

  it('knows origins as browsers write them', () => {
    const env = {
      ...MINIMAL,
      CXG_ALLOWED_ORIGINS: 'https://console.example, http://[::1]:3000, vscode-file://vscode-app',
    };
    expect(readConfig(env).allowedOrigins).toEqual([
      'https://console.example',
      'http://[::1]:3000',
      'vscode-file://vscode-app',
    ]);
  });

  it('takes HMAC bearers only with a secret, also in development', () => {
    const hmac = { ...MINIMAL, CXG_INBOUND_AUTH: 'hmac', CODEX_GATEWAYS_DEV: '1' };
    expect(problemsOf(hmac)).toEqual([expect.stringContaining('CXG_INBOUND_HMAC_SECRET')]);
    expect(problemsOf({ ...hmac, CXG_INBOUND_HMAC_SECRET: '' })).toHaveLength(1);
    expect(readConfig({ ...hmac, CXG_INBOUND_HMAC_SECRET: SECRET }).inbound).toEqual({ kind: 'hmac', secret: SECRET });
  });

  it('signs capability tokens with a secret, also in development', () => {
    const env = { ...MINIMAL, CXG_CAPTOKEN_HMAC_SECRET: '', CODEX_GATEWAYS_DEV: '1' };
    expect(problemsOf(env)).toEqual([expect.stringContaining('CXG_CAPTOKEN_HMAC_SECRET')]);
  });

  it('needs nothing to start app-servers with, when it dials an existing one', () => {
    const { CXG_AGENTSERVER_INTERNAL_URL, CXG_AGENTSERVER_INTERNAL_SECRET } = MINIMAL;
    const env = {
      CXG_AGENTSERVER_INTERNAL_URL,
      CXG_AGENTSERVER_INTERNAL_SECRET,
      CXG_APP_SERVER_URL: 'ws://10.0.0.1:9',
    };
    expect(readConfig(env).backend).toEqual({ kind: 'dial', url: 'ws://10.0.0.1:9', token: undefined });
    expect(readConfig({ ...env, CXG_APP_SERVER_TOKEN: 't' }).backend).toMatchObject({ token: 't' });
  });

  it('passes proxies and trusted authorities on to app-servers, and nothing else that it does not know', () => {
    const network = { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'internal', SSL_CERT_FILE: '/ca.pem' };
    const { backend } = readConfig({ ...MINIMAL, ...network, OPENAI_API_KEY: 'x', HOME: '/root' });
    expect(backend).toMatchObject({ network });
  });
});

describe('the README', () => {
  it('names every variable that is read', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const environments = [
      MINIMAL,
      { ...MINIMAL, CXG_INBOUND_AUTH: 'hmac' },
      { ...MINIMAL, CXG_APP_SERVER_URL: 'ws://10.0.0.1:9' },
    ];
    expect(undocumentedVariables(readConfig, { readme, environments })).toEqual([]);
  });

  it('names no variable that is not there', () => {
    const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
    const variables = (text: string) => [...new Set(text.match(/\bCXG_[A-Z0-9_]+\b/g))].sort();
    expect(variables(read('./config.ts'))).toEqual(expect.arrayContaining(variables(read('../README.md'))));
  });
});
