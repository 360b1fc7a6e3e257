import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configurationProblems, undocumentedVariables } from '@codex-gateways/testing';
import { readConfig } from './config.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');
const REQUIRED = {
  CODEX_AUTH_ISSUER_URL: 'https://auth.example/codex-auth/',
  CODEX_AUTH_DATABASE_URL: 'postgresql://user:secret@db.example/auth',
  CODEX_AUTH_MASTER_KEY: KEY,
  INTERNAL_API_SECRET: 'sixteen-characters',
};

const problemsOf = (env: Record<string, string>) => configurationProblems(readConfig, env);

describe('configuration', () => {
  it('has the documented defaults', () => {
    expect(readConfig(REQUIRED)).toMatchObject({
      host: '127.0.0.1',
      port: 8081,
      logLevel: 'info',
      issuer: 'https://auth.example/codex-auth',
      accessTokenLifetimeSeconds: 3600,
      refreshTokenLifetimeSeconds: 30 * 86_400,
      refreshReuseGraceSeconds: 30,
      authorizationCodeLifetimeSeconds: 600,
      deviceCodeLifetimeSeconds: 900,
      sessionResolver: 'local',
      loginRedirectUrl: undefined,
      firstUser: undefined,
      previousMasterKeys: [],
      upstreams: [],
      localAccounts: true,
      keyActivationDelaySeconds: 600,
      keyRotationIntervalSeconds: undefined,
      minPasswordLength: 12,
    });
    const rotating = { ...REQUIRED, CODEX_AUTH_KEY_ROTATION_INTERVAL: '90d' };
    expect(readConfig(rotating).keyRotationIntervalSeconds).toBe(90 * 86_400);
  });

  it('asks for what has no default, all at once', () => {
    expect(problemsOf({}).map((problem) => problem.split(' ')[0])).toEqual([
      'CODEX_AUTH_ISSUER_URL',
      'CODEX_AUTH_DATABASE_URL',
      'CODEX_AUTH_MASTER_KEY',
      'INTERNAL_API_SECRET',
    ]);
  });

  it.each([
    ['CODEX_AUTH_PORT', 'http'],
    ['CODEX_AUTH_ISSUER_URL', 'https://auth.example/?tenant=1'],
    ['CODEX_AUTH_MASTER_KEY', Buffer.alloc(31).toString('base64')],
    ['CODEX_AUTH_PREVIOUS_MASTER_KEYS', `${KEY},short`],
    ['INTERNAL_API_SECRET', 'short'],
    ['CODEX_AUTH_ACCESS_TOKEN_TTL', '3600'],
    ['CODEX_AUTH_REFRESH_REUSE_GRACE', '2h'],
    ['CODEX_AUTH_CODE_TTL', '1h'],
    ['CODEX_AUTH_SESSION_RESOLVER', 'ldap'],
    ['CODEX_AUTH_LOGIN_REDIRECT_URL', '/login'],
    ['CODEX_AUTH_UPSTREAMS', '[{"name": "corp"}]'],
    ['CODEX_AUTH_LOCAL_ACCOUNTS', 'maybe'],
    ['CODEX_AUTH_UPSTREAM_TIMEOUT', '1m'],
    ['CODEX_AUTH_UPSTREAM_SIGN_IN_TTL', '1d'],
    ['CODEX_AUTH_DCR_STORE', 'mysql'],
    ['CODEX_AUTH_REDIS_URL', 'http://redis.example'],
    ['CODEX_AUTH_REDIS_URL', 'redis://user:hunter2@redis.example'],
    ['CODEX_AUTH_REDIS_URL', 'redis://redis.example/not-a-number'],
    ['CODEX_AUTH_REDIS_CA_FILE', '/nowhere/ca.pem'],
    ['CODEX_AUTH_REDIS_CA_FILE', fileURLToPath(new URL('../package.json', import.meta.url))],
    ['LOG_LEVEL', 'loud'],
    ['CODEX_AUTH_KEY_ACTIVATION_DELAY', '5s'],
    ['CODEX_AUTH_KEY_ROTATION_INTERVAL', 'never'],
    ['CODEX_AUTH_KEY_CHECK_INTERVAL', '1h'],
    ['CODEX_AUTH_PASSWORD_MIN_LENGTH', '4'],
    ['CODEX_AUTH_ONE_TIME_PASSWORD_TTL', '1y'],
    ['DEV_USER_EMAIL', 'nobody'],
    ['DEV_USER_PASSWORD', 'x'.repeat(257)],
    ['CODEX_AUTH_MAX_BODY_BYTES', '77'],
    ['CODEX_AUTH_TRUSTED_PROXY_HOPS', 'all'],
  ])('does not start with %s=%s', (name, value) => {
    const problems = problemsOf({ ...REQUIRED, [name]: value });
    expect(problems.some((problem) => problem.startsWith(`${name} `))).toBe(true);
    for (const problem of problems) expect(problem).not.toContain(value);
  });

  it('is described in the README, every variable', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const embedded = { ...REQUIRED, CODEX_AUTH_SESSION_RESOLVER: 'agentserver', DEV_USER_EMAIL: 'dev@localhost' };
    expect(undocumentedVariables(readConfig, { readme, environments: [REQUIRED, embedded] })).toEqual([]);
  });

  it('takes the first user whole or not at all', () => {
    const email = { DEV_USER_EMAIL: 'dev@localhost' };
    const password = { DEV_USER_PASSWORD: 'long enough' };
    expect(readConfig({ ...REQUIRED, ...email, ...password }).firstUser).toEqual({
      email: 'dev@localhost',
      password: 'long enough',
    });
    expect(problemsOf({ ...REQUIRED, ...email })).toEqual(['DEV_USER_PASSWORD is required']);
    expect(problemsOf({ ...REQUIRED, ...password })).toEqual(['DEV_USER_EMAIL is required']);
  });

  it('takes identity providers, with their secrets from variables, where it signs people in itself', () => {
    const corp = { name: 'corp', type: 'oidc', issuer: 'https://id.example', client_id: 'x', allow_anyone: true };
    const upstreams = { CODEX_AUTH_UPSTREAMS: JSON.stringify([{ ...corp, client_secret_env: 'SECRET' }]) };
    const config = readConfig({ ...REQUIRED, ...upstreams, SECRET: 'hunter2', CODEX_AUTH_LOCAL_ACCOUNTS: 'off' });
    expect(config.localAccounts).toBe(false);
    expect(config.upstreams).toMatchObject([
      { clientSecret: 'hunter2', redirectUri: 'https://auth.example/codex-auth/oauth/callback' },
    ]);
    expect(problemsOf({ ...REQUIRED, ...upstreams })).toEqual([
      'CODEX_AUTH_UPSTREAMS entry 1 (corp): the variable that client_secret_env names is not set',
    ]);
    expect(problemsOf({ ...REQUIRED, CODEX_AUTH_LOCAL_ACCOUNTS: 'off' })).toEqual([
      'CODEX_AUTH_LOCAL_ACCOUNTS may be off only with CODEX_AUTH_UPSTREAMS',
    ]);
    const embedded = {
      CODEX_AUTH_SESSION_RESOLVER: 'agentserver',
      CODEX_AUTH_AGENTSERVER_SESSION_URL: 'https://product.example/session',
      CODEX_AUTH_LOGIN_REDIRECT_URL: 'https://product.example/login',
    };
    expect(problemsOf({ ...REQUIRED, ...upstreams, ...embedded })).toEqual([
      'CODEX_AUTH_UPSTREAMS is for the session resolver local: another product signs people in',
    ]);
  });

  it('needs to know where Redis is, when registrations are kept there, and nothing of it when they are not', () => {
    const redis = { CODEX_AUTH_DCR_STORE: 'redis' };
    expect(problemsOf({ ...REQUIRED, ...redis })).toEqual(['CODEX_AUTH_REDIS_URL is required']);
    const where = { CODEX_AUTH_REDIS_URL: 'rediss://redis.example:6380/2' };
    const who = { CODEX_AUTH_REDIS_USERNAME: 'codex', CODEX_AUTH_REDIS_PASSWORD: 'hunter2' };
    expect(readConfig({ ...REQUIRED, ...redis, ...where, ...who })).toMatchObject({
      dcrStore: 'redis',
      redis: { url: 'rediss://redis.example:6380/2', username: 'codex', password: 'hunter2' },
    });
    expect(readConfig({ ...REQUIRED, ...where, ...who })).toMatchObject({ dcrStore: 'postgres', redis: undefined });
  });

  it('needs to know where sessions of another product are, and where it signs people in', () => {
    expect(problemsOf({ ...REQUIRED, CODEX_AUTH_SESSION_RESOLVER: 'agentserver' })).toEqual([
      'CODEX_AUTH_AGENTSERVER_SESSION_URL is required',
      'CODEX_AUTH_LOGIN_REDIRECT_URL is required',
    ]);
  });
});
