import { readFileSync } from 'node:fs';
import { parseSealingKey } from '@codex-gateways/crypto';
import { ConfigError, type Environment, EnvReader, LOG_LEVELS, readTracing } from '@codex-gateways/service';
import { parseUpstreams } from './upstream/parse-upstreams.ts';
import type { UpstreamConfig } from './upstream/upstream-config.ts';
import { readDcrSettings } from './upstream-registration/read-dcr-settings.ts';

/** Everything codex-auth reads from its environment. The only module of the app that names a variable. */
export type Config = ReturnType<typeof readConfig>;

/** @throws {ConfigError} naming every variable that is missing or malformed, no value among them */
export function readConfig(env: Environment) {
  const read = new EnvReader(env);
  return read.finish({
    ...readProcess(read),
    ...readSecrets(read),
    ...readSigningKeys(read),
    ...readTokenLifetimes(read),
    ...readClientRegistration(read),
    ...readSignIn(read),
    ...readUpstreams(read),
    ...readDcrSettings(read),
    ...readLimits(read),
    ...readMachineAccess(read),
  });
}

function readProcess(read: EnvReader) {
  return {
    host: read.text('CODEX_AUTH_HOST', { default: '127.0.0.1' }),
    port: read.port('CODEX_AUTH_PORT', 8081),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    /** The OTEL_* variables of OpenTelemetry; undefined without a collector. */
    tracing: readTracing(read),
    /** The public base, `iss` of every token; may have a path (RFC 8414 §2: no query, no fragment). */
    issuer: read.httpUrl('CODEX_AUTH_ISSUER_URL'),
    /** No default: it would aim a forgotten setting at a stranger's database. */
    databaseUrl: read.databaseUrl('CODEX_AUTH_DATABASE_URL'),
    databasePoolSize: read.integer('CODEX_AUTH_DATABASE_POOL_SIZE', { min: 2, max: 200, default: 10 }),
    /** Longer than CODEX_AUTH_UPSTREAM_TIMEOUT may be: replicas wait at a row for the one that asks a provider. */
    databaseTimeoutMs: read.durationMs('CODEX_AUTH_DATABASE_TIMEOUT', { min: '100ms', max: '1m', default: '16s' }),
    /** How many proxies in front may be believed about the caller's address (`X-Forwarded-For`). */
    trustedProxyHops: read.integer('CODEX_AUTH_TRUSTED_PROXY_HOPS', { min: 0, max: 10, default: 0 }),
    ...readExecGateway(read),
    drainTimeoutMs: read.durationMs('CODEX_AUTH_DRAIN_TIMEOUT', { min: '0s', max: '5m', default: '20s' }),
  };
}

function readExecGateway(read: EnvReader) {
  const execGatewayInternalUrl = read.httpUrl('CXG_EXEC_GATEWAY_INTERNAL_URL', { default: 'http://127.0.0.1:8083' });
  return {
    execGatewayInternalUrl,
    /** Where executors reach it: `--remote` in what a new connector is started with. */
    execGatewayPublicUrl: read.optionalHttpUrl('CODEX_AUTH_EXEC_GATEWAY_PUBLIC_URL') ?? execGatewayInternalUrl,
    /** Of one call to it. */
    execGatewayTimeoutMs: read.durationMs('CODEX_AUTH_EXEC_GATEWAY_TIMEOUT', {
      min: '100ms',
      max: '30s',
      default: '5s',
    }),
  };
}

function readSecrets(read: EnvReader) {
  return {
    /** Seals private keys and upstream secrets at rest: 32 bytes in base64. */
    masterKey: read.parsed('CODEX_AUTH_MASTER_KEY', parseSealingKey, Buffer.alloc(32)),
    /** Earlier master keys, comma-separated: what they sealed still opens, and is sealed anew at start. */
    previousMasterKeys: read.parsedList('CODEX_AUTH_PREVIOUS_MASTER_KEYS', parseSealingKey),
    /** What the gateways present in `X-Internal-Secret`. */
    internalApiSecret: read.sharedSecret('INTERNAL_API_SECRET'),
  };
}

/** What a service says that no configured master key opens what is sealed in its database. */
export function masterKeyDoesNotOpen(what: string): ConfigError {
  return new ConfigError([
    `CODEX_AUTH_MASTER_KEY does not open ${what}; if it was changed, the one before belongs into CODEX_AUTH_PREVIOUS_MASTER_KEYS`,
  ]);
}

function readSigningKeys(read: EnvReader) {
  const interval = 'CODEX_AUTH_KEY_ROTATION_INTERVAL';
  const isOff = (read.optionalText(interval) ?? 'off') === 'off';
  return {
    /** For so long a new signing key is published before it signs. */
    keyActivationDelaySeconds: read.durationSeconds('CODEX_AUTH_KEY_ACTIVATION_DELAY', {
      min: '20s',
      max: '30d',
      default: '10m',
    }),
    /** The age at which a signing key is replaced; undefined to do so by command alone. */
    keyRotationIntervalSeconds: isOff
      ? undefined
      : read.durationSeconds(interval, { min: '1h', max: '3650d', default: '90d' }),
    /** Between two looks at the signing keys, for a replica that missed a message, and for what is due. */
    keyCheckIntervalMs: read.durationMs('CODEX_AUTH_KEY_CHECK_INTERVAL', { min: '100ms', max: '10s', default: '5s' }),
  };
}

function readTokenLifetimes(read: EnvReader) {
  const seconds = (name: string, min: string, max: string, fallback: string) =>
    read.durationSeconds(name, { min, max, default: fallback });
  return {
    /** Also of ID tokens. */
    accessTokenLifetimeSeconds: seconds('CODEX_AUTH_ACCESS_TOKEN_TTL', '1s', '24h', '1h'),
    /** Of one refresh token that is not used; each rotation starts it anew. */
    refreshTokenLifetimeSeconds: seconds('CODEX_AUTH_REFRESH_TOKEN_TTL', '1s', '365d', '30d'),
    /** Of a whole family, however often it is rotated; then the person signs in again. */
    refreshFamilyLifetimeSeconds: seconds('CODEX_AUTH_REFRESH_FAMILY_TTL', '1s', '3650d', '365d'),
    /** How long a refresh token that was used still answers with its successor. */
    refreshReuseGraceSeconds: seconds('CODEX_AUTH_REFRESH_REUSE_GRACE', '0s', '1h', '30s'),
    authorizationCodeLifetimeSeconds: seconds('CODEX_AUTH_CODE_TTL', '1s', '10m', '10m'),
    deviceCodeLifetimeSeconds: seconds('CODEX_AUTH_DEVICE_CODE_TTL', '1s', '1h', '15m'),
    /** How often a device may ask (RFC 8628 §3.2 `interval`). */
    devicePollIntervalSeconds: read.integer('CODEX_AUTH_DEVICE_POLL_INTERVAL_SECONDS', { min: 1, max: 60, default: 5 }),
  };
}

function readClientRegistration(read: EnvReader) {
  return {
    /** Who may register clients (RFC 7591): nobody, who has an initial access token, or anybody. */
    dynamicRegistration: read.oneOf('CODEX_AUTH_DYNAMIC_REGISTRATION', ['off', 'initial-access-token', 'open'], 'off'),
    /** Attempts to register from one address in an hour. */
    registrationsPerAddress: read.integer('CODEX_AUTH_REGISTRATIONS_PER_ADDRESS', {
      min: 1,
      max: 100_000,
      default: 20,
    }),
    /** Clients that registered themselves, altogether. */
    registeredClients: read.integer('CODEX_AUTH_REGISTERED_CLIENTS', { min: 1, max: 1_000_000, default: 10_000 }),
    /** How long a registered client waits for the first person who lets it in; then it is deleted. */
    unusedClientLifetimeSeconds: read.durationSeconds('CODEX_AUTH_UNUSED_CLIENT_TTL', {
      min: '1h',
      max: '365d',
      default: '30d',
    }),
  };
}

function readSignIn(read: EnvReader) {
  const sessionResolver = read.oneOf('CODEX_AUTH_SESSION_RESOLVER', ['local', 'agentserver'], 'local');
  return {
    /** Who knows the person behind a cookie: this service, or a product that it is embedded in. */
    sessionResolver,
    /** Asked with the caller's cookie when the resolver is `agentserver`; answers 200 `{user_id, email}` or 401. */
    agentserverSessionUrl:
      sessionResolver === 'agentserver' ? read.httpUrl('CODEX_AUTH_AGENTSERVER_SESSION_URL') : undefined,
    /**
     * Where people without a session are sent, with `return_to`; undefined for this service's own `/login`. Required with the
     * resolver `agentserver`, whose sessions this service cannot open.
     */
    loginRedirectUrl:
      sessionResolver === 'agentserver'
        ? read.httpUrl('CODEX_AUTH_LOGIN_REDIRECT_URL')
        : read.optionalHttpUrl('CODEX_AUTH_LOGIN_REDIRECT_URL'),
    sessionIdleSeconds: read.durationSeconds('CODEX_AUTH_SESSION_IDLE_TTL', { min: '1m', max: '365d', default: '7d' }),
    sessionLifetimeSeconds: read.durationSeconds('CODEX_AUTH_SESSION_TTL', { min: '1m', max: '365d', default: '30d' }),
    firstUser: readFirstUser(read),
  };
}

function readUpstreams(read: EnvReader) {
  const secrets = {
    variable: (name: string) => read.optionalText(name),
    file: (path: string) => readFileSync(path, 'utf8'),
  };
  const issuer = read.optionalText('CODEX_AUTH_ISSUER_URL')?.replace(/\/+$/, '') ?? '';
  const isEmbedded = read.optionalText('CODEX_AUTH_SESSION_RESOLVER') === 'agentserver';
  const parse = (text: string) => {
    if (isEmbedded) throw new TypeError('is for the session resolver local: another product signs people in');
    return parseUpstreams(text, { issuer, secrets });
  };
  const none: readonly UpstreamConfig[] = [];
  const upstreams = read.optionalParsed('CODEX_AUTH_UPSTREAMS', parse, { default: none });
  const parseLocalAccounts = (text: string) => {
    if (text !== 'on' && text !== 'off') throw new TypeError('must be one of on, off');
    if (text === 'off' && upstreams.length === 0) throw new TypeError('may be off only with CODEX_AUTH_UPSTREAMS');
    return text === 'on';
  };
  return {
    /** Identity providers in front of which this server stands: a JSON array, secrets by the name of a variable or a file. */
    upstreams,
    /** Whether people have passwords of this server. */
    localAccounts: read.optionalParsed('CODEX_AUTH_LOCAL_ACCOUNTS', parseLocalAccounts, { default: true }),
    /** Of one call to an identity provider; several make a sign-in. */
    upstreamTimeoutMs: read.durationMs('CODEX_AUTH_UPSTREAM_TIMEOUT', { min: '100ms', max: '12s', default: '8s' }),
    /** How long a person may take at the identity provider. */
    upstreamSignInLifetimeSeconds: read.durationSeconds('CODEX_AUTH_UPSTREAM_SIGN_IN_TTL', {
      min: '1m',
      max: '1h',
      default: '10m',
    }),
  };
}

/** The first user, made at start when there is none of this address; both variables or none. */
function readFirstUser(read: EnvReader): { email: string; password: string } | undefined {
  const isWanted = ['DEV_USER_EMAIL', 'DEV_USER_PASSWORD'].some((name) => read.optionalText(name) !== undefined);
  if (!isWanted) return undefined;
  const email = { pattern: /^[^\s@]{1,64}@[^\s@]{1,189}$/, expected: 'an email address' };
  const password = { pattern: /^.{1,256}$/s, expected: 'at most 256 characters' };
  return { email: read.text('DEV_USER_EMAIL', email), password: read.text('DEV_USER_PASSWORD', password) };
}

function readLimits(read: EnvReader) {
  return {
    maxBodyBytes: read.integer('CODEX_AUTH_MAX_BODY_BYTES', { min: 1024, max: 10_485_760, default: 65_536 }),
    /** Wrong passwords in a row before an account is locked; the lock doubles from a minute to an hour. */
    loginAttemptsBeforeLock: read.integer('CODEX_AUTH_LOGIN_ATTEMPTS', { min: 1, max: 1000, default: 5 }),
    /** Sign-in attempts from one address in five minutes. */
    loginAttemptsPerAddress: read.integer('CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS', {
      min: 1,
      max: 100_000,
      default: 60,
    }),
    /** Passwords that are hashed at once, on a thread pool that also signs tokens. */
    passwordMaxConcurrent: read.integer('CODEX_AUTH_PASSWORD_CONCURRENCY', { min: 1, max: 64, default: 2 }),
    /** Passwords that may wait for that; more are refused with 503. */
    passwordMaxWaiting: read.integer('CODEX_AUTH_PASSWORD_QUEUE', { min: 0, max: 10_000, default: 64 }),
    /** User codes that one person may get wrong in fifteen minutes (RFC 8628 §5.1). */
    userCodeAttempts: read.integer('CODEX_AUTH_USER_CODE_ATTEMPTS', { min: 1, max: 1000, default: 10 }),
    /** Device logins that one address may begin in fifteen minutes. */
    deviceLoginsPerAddress: read.integer('CODEX_AUTH_DEVICE_LOGINS_PER_ADDRESS', {
      min: 1,
      max: 100_000,
      default: 100,
    }),
    /** Of passwords that people choose, in characters. */
    minPasswordLength: read.integer('CODEX_AUTH_PASSWORD_MIN_LENGTH', { min: 8, max: 128, default: 12 }),
    /** How long a password that an administrator had generated waits for its first use. */
    oneTimePasswordLifetimeSeconds: read.durationSeconds('CODEX_AUTH_ONE_TIME_PASSWORD_TTL', {
      min: '1m',
      max: '90d',
      default: '7d',
    }),
    /** Workspaces that one user may own. */
    workspacesPerUser: read.integer('CODEX_AUTH_WORKSPACES_PER_USER', { min: 1, max: 100_000, default: 50 }),
    membersPerWorkspace: read.integer('CODEX_AUTH_MEMBERS_PER_WORKSPACE', { min: 1, max: 100_000, default: 500 }),
    cleanupIntervalMs: read.durationMs('CODEX_AUTH_CLEANUP_INTERVAL', { min: '1s', max: '24h', default: '10m' }),
    cleanupBatchRows: read.integer('CODEX_AUTH_CLEANUP_BATCH_ROWS', { min: 10, max: 100_000, default: 1000 }),
  };
}

function readMachineAccess(read: EnvReader) {
  const seconds = (name: string, max: string, fallback: string) =>
    read.durationSeconds(name, { min: '1s', max, default: fallback });
  const count = (name: string, max: number, fallback: number) => read.integer(name, { min: 1, max, default: fallback });
  return {
    /** Of an Agent Identity; its executor needs a new connector afterwards. */
    agentIdentityLifetimeSeconds: seconds('CODEX_AUTH_AGENT_IDENTITY_TTL', '3650d', '365d'),
    /**
     * From the last use of a task; the default outlives every identity. An executor cannot replace its task while it runs, so
     * one that is idle for longer ends at its next registration.
     */
    agentTaskLifetimeSeconds: seconds('CODEX_AUTH_AGENT_TASK_TTL', '3650d', '3650d'),
    agentTasksPerIdentity: count('CODEX_AUTH_AGENT_TASKS_PER_IDENTITY', 100_000, 1000),
    /** Refused task registrations of one agent from one address. */
    agentFailuresPerMinute: count('CODEX_AUTH_AGENT_FAILURES_PER_MINUTE', 100_000, 30),
    remoteTokenLifetimeSeconds: seconds('CODEX_AUTH_REMOTE_TOKEN_TTL', '365d', '90d'),
    /** The longest that a person may ask for. */
    remoteTokenMaxLifetimeSeconds: seconds('CODEX_AUTH_REMOTE_TOKEN_MAX_TTL', '365d', '365d'),
    remoteTokensPerWorkspace: count('CODEX_AUTH_REMOTE_TOKENS_PER_WORKSPACE', 100_000, 100),
    /** A remote token's secret has 256 random bits, so the cost only has to slow down whoever stole the table. */
    bcryptCost: read.integer('CODEX_AUTH_BCRYPT_COST', { min: 4, max: 15, default: 10 }),
    bcryptMaxConcurrent: count('CODEX_AUTH_BCRYPT_CONCURRENCY', 64, 2),
    /** Comparisons that may wait for a place; more are refused with 503. */
    bcryptMaxWaiting: read.integer('CODEX_AUTH_BCRYPT_QUEUE', { min: 0, max: 10_000, default: 64 }),
    /** Of the audit trail. */
    auditRetentionSeconds: read.durationSeconds('CODEX_AUTH_AUDIT_RETENTION', {
      min: '1d',
      max: '3650d',
      default: '365d',
    }),
    connectorsPerWorkspace: count('CODEX_AUTH_CONNECTORS_PER_WORKSPACE', 10_000, 200),
    /** Between two looks for connectors that exec-gateway has yet to forget. */
    connectorCleanupIntervalMs: read.durationMs('CODEX_AUTH_CONNECTOR_CLEANUP_INTERVAL', {
      min: '100ms',
      max: '1h',
      default: '15s',
    }),
  };
}
