import { childEnvironment, httpBaseOf } from './child-environment.ts';

const folder = { path: '/w', codexHome: '/w/codex-home', home: '/w/home', temporary: '/w/tmp' };
const model = { envKey: 'MODEL_KEY', apiKey: 'key' };
const BASE = {
  MODEL_KEY: 'key',
  PATH: '/empty',
  HOME: '/w/home',
  CODEX_HOME: '/w/codex-home',
  TMPDIR: '/w/tmp',
  LANG: 'C.UTF-8',
  CODEX_EXEC_SERVER_URL: 'none',
};

describe('the environment of an app-server', () => {
  it('without an executor has no place to run anything', () => {
    expect(childEnvironment({ folder, model, execution: { kind: 'none' }, network: {}, path: '/empty' })).toEqual(BASE);
  });

  it('with an executor has the way to it, and still no place here', () => {
    const execution = {
      kind: 'executor',
      exeId: 'exe_1',
      registryUrl: 'http://127.0.0.1:4000/registry',
      registryToken: 'token',
      execGatewayUrl: 'ws://exec:8083',
      workspaceId: 'ws_1',
    } as const;
    expect(childEnvironment({ folder, model, execution, network: {}, path: '/empty' })).toEqual({
      ...BASE,
      CODEX_EXEC_SERVER_NOISE_REGISTRY_URL: 'http://127.0.0.1:4000/registry',
      CODEX_EXEC_SERVER_NOISE_ENVIRONMENT_ID: 'exe_1',
      CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: 'token',
      CODEX_EXEC_SERVER_NOISE_CHATGPT_ACCOUNT_ID: 'ws_1',
    });
  });

  it('has no key when there is none', () => {
    const { MODEL_KEY: _, ...withoutKey } = BASE;
    const keyless = { ...model, apiKey: undefined };
    expect(
      childEnvironment({ folder, model: keyless, execution: { kind: 'none' }, network: {}, path: '/empty' }),
    ).toEqual(withoutKey);
  });

  it.each([
    ['ws://127.0.0.1:8083', 'http://127.0.0.1:8083'],
    ['wss://exec.example/base', 'https://exec.example/base'],
  ])('names the registry by http: %s', (wsUrl, httpUrl) => {
    expect(httpBaseOf(wsUrl)).toBe(httpUrl);
  });

  it('leads to the model through the proxy that is configured, and to the exec-gateway directly', () => {
    const execution = {
      kind: 'executor',
      exeId: 'exe_1',
      registryUrl: 'http://127.0.0.1:4000/registry',
      registryToken: 'token',
      execGatewayUrl: 'ws://exec:8083',
      workspaceId: 'ws_1',
    } as const;
    const network = { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'internal', SSL_CERT_FILE: '/ca.pem' };
    const list = 'internal,127.0.0.1,localhost,::1,exec';
    expect(childEnvironment({ folder, model, execution, network, path: '/empty' })).toMatchObject({
      HTTPS_PROXY: 'http://proxy:3128',
      SSL_CERT_FILE: '/ca.pem',
      NO_PROXY: list,
      no_proxy: list,
    });
  });

  it('cannot be changed by what is passed on for the network', () => {
    const network = { CODEX_HOME: '/elsewhere', CODEX_EXEC_SERVER_URL: '' };
    const environment = childEnvironment({ folder, model, execution: { kind: 'none' }, network, path: '/empty' });
    expect(environment).toEqual(BASE);
  });
});
