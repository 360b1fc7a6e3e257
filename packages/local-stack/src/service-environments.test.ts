import type { Secrets } from './secrets.ts';
import { serviceEnvironments } from './service-environments.ts';

const secrets: Secrets = {
  postgresPassword: 'postgres-password',
  masterKey: 'master-key',
  internalApiSecret: 'internal-api-secret',
  execSharedSecret: 'exec-shared-secret',
  captokenSecret: 'captoken-secret',
  users: {},
};
const facts = {
  ports: { auth: 1001, app: 1002, exec: 1003 },
  databaseUrl: 'postgresql://u:p@127.0.0.1:5432/d',
  secrets,
  devUser: { email: 'dev@localhost', password: 'dev-password' },
  codexFolder: '/state/codex',
};
const environments = (caller: Record<string, string> = {}) => serviceEnvironments(caller, facts);

describe('environments of the services', () => {
  it('let the services reach and believe one another', () => {
    const { auth, app, exec } = environments();
    expect(app.CXG_AGENTSERVER_INTERNAL_URL).toBe(auth.CODEX_AUTH_ISSUER_URL);
    expect(exec.CXG_AGENTSERVER_INTERNAL_SECRET).toBe(auth.INTERNAL_API_SECRET);
    expect(app.CXG_AGENTSERVER_INTERNAL_SECRET).toBe(auth.INTERNAL_API_SECRET);
    expect(app.CXG_CAPTOKEN_HMAC_SECRET).toBe(exec.CXG_CAPTOKEN_HMAC_SECRET);
    expect(app.CXG_EXEC_GATEWAY_INTERNAL_SECRET).toBe(exec.CXG_INTERNAL_SHARED_SECRET);
    expect(app.CXG_EXEC_GATEWAY_URL).toBe('ws://127.0.0.1:1003');
    expect(auth.CXG_EXEC_GATEWAY_INTERNAL_URL).toBe('http://127.0.0.1:1003');
  });

  it('give each service only the secrets it needs', () => {
    const { auth, app, exec } = environments();
    const knows = (env: NodeJS.ProcessEnv) =>
      Object.values(secrets).filter((each) => typeof each === 'string' && Object.values(env).includes(each));
    expect(knows(auth)).toEqual(['master-key', 'internal-api-secret']);
    expect(knows(app)).toEqual(['internal-api-secret', 'exec-shared-secret', 'captoken-secret']);
    expect(knows(exec)).toEqual(['internal-api-secret', 'exec-shared-secret', 'captoken-secret']);
    expect(Object.values(app)).not.toContain(facts.databaseUrl);
  });

  it('pass the settings of the caller on to the service that they are for', () => {
    const { auth, app, exec } = environments({
      CODEX_AUTH_ACCESS_TOKEN_TTL: '4m',
      CXG_MODEL: 'gpt',
      CXG_DRAIN_TIMEOUT: '9s',
      HOME: '/home/someone',
      AWS_SECRET_ACCESS_KEY: 'no business of ours',
    });
    expect(auth).toMatchObject({ CODEX_AUTH_ACCESS_TOKEN_TTL: '4m', HOME: '/home/someone' });
    expect(app).toMatchObject({ CXG_MODEL: 'gpt', CXG_DRAIN_TIMEOUT: '9s' });
    expect(auth.CXG_MODEL).toBeUndefined();
    expect([auth, app, exec].some((env) => 'AWS_SECRET_ACCESS_KEY' in env)).toBe(false);
  });

  it('give codex-auth, and nobody else, the secrets that its identity providers name', () => {
    const upstreams = [
      { name: 'corp', client_secret_env: 'CORP_SECRET' },
      { name: 'forge', registration: { initial_access_token_env: 'FORGE_TOKEN' } },
      { name: 'third', client_secret_env: 'NOT_SET' },
    ];
    const { auth, app, exec } = environments({
      CODEX_AUTH_UPSTREAMS: JSON.stringify(upstreams),
      CODEX_AUTH_LOCAL_ACCOUNTS: 'off',
      CODEX_AUTH_DCR_STORE: 'redis',
      CODEX_AUTH_REDIS_URL: 'redis://127.0.0.1',
      CODEX_AUTH_REDIS_PASSWORD: 'hunter2',
      CORP_SECRET: 'of corp',
      FORGE_TOKEN: 'of forge',
      OTHER_SECRET: 'of nobody',
    });
    expect(auth).toMatchObject({
      CODEX_AUTH_UPSTREAMS: JSON.stringify(upstreams),
      CODEX_AUTH_LOCAL_ACCOUNTS: 'off',
      CODEX_AUTH_DCR_STORE: 'redis',
      CODEX_AUTH_REDIS_URL: 'redis://127.0.0.1',
      CODEX_AUTH_REDIS_PASSWORD: 'hunter2',
      CORP_SECRET: 'of corp',
      FORGE_TOKEN: 'of forge',
    });
    expect(Object.keys(auth)).not.toContain('OTHER_SECRET');
    expect(Object.keys(auth)).not.toContain('NOT_SET');
    for (const name of ['CORP_SECRET', 'FORGE_TOKEN', 'CODEX_AUTH_REDIS_PASSWORD']) {
      expect([name in app, name in exec]).toEqual([false, false]);
    }
  });

  it('leave what is wrong with the identity providers to codex-auth, and decide what they may not name', () => {
    expect(environments({ CODEX_AUTH_UPSTREAMS: '[{' }).auth.CODEX_AUTH_UPSTREAMS).toBe('[{');
    const named = JSON.stringify([{ client_secret_env: 'INTERNAL_API_SECRET' }]);
    const { auth } = environments({ CODEX_AUTH_UPSTREAMS: named, INTERNAL_API_SECRET: 'another' });
    expect(auth.INTERNAL_API_SECRET).toBe('internal-api-secret');
  });

  it('are decided by the stack where the parts have to agree', () => {
    const { app, exec } = environments({ CXG_PORT: '9', CXG_HOST: '0.0.0.0', CXG_APP_PORT: '9', CXG_STATE_DIR: '/x' });
    expect(exec).toMatchObject({ CXG_PORT: '1003', CXG_HOST: '127.0.0.1' });
    expect(app).toMatchObject({ CXG_APP_PORT: '1002', CXG_STATE_DIR: '/state/codex/app-gateway' });
  });

  it('take the key of the model from the variable that the provider names', () => {
    const named = { CXG_MODEL_PROVIDER_ENV_KEY: 'OPENAI_API_KEY', OPENAI_API_KEY: 'sk-named' };
    expect(environments(named).app).toMatchObject({ CXG_CODEX_API_KEY: 'sk-named', OPENAI_API_KEY: 'sk-named' });
    expect(environments(named).exec.OPENAI_API_KEY).toBeUndefined();
    expect(environments({ ...named, CXG_CODEX_API_KEY: 'sk-own' }).app.CXG_CODEX_API_KEY).toBe('sk-own');
  });
});
