import { resolve } from 'node:path';
import { ConfigError, type Environment, EnvReader, LOG_LEVELS, readTracing } from '@codex-gateways/service';

/** Everything codex-app-gateway reads from its environment. No other module of the app names a variable of its own. */
export type Config = ReturnType<typeof readConfig>;
export type Limits = Config['limits'];
/** How app-servers of our own are started; absent when an existing app-server is dialled instead. */
export type LaunchConfig = ReturnType<typeof readLaunch>;
export type ModelConfig = LaunchConfig['model'];

const MEBIBYTE = 1024 * 1024;
// The CLI refuses a configuration that defines one of these, and goes on without it (docs/protocol.md).
const RESERVED_PROVIDERS = ['openai', 'ollama', 'ollama-chat', 'lmstudio', 'amazon-bedrock', 'gcp'];
const PROVIDER_NAME = new RegExp(`^(?!(?:${RESERVED_PROVIDERS.join('|')})$)[A-Za-z0-9_-]{1,64}$`);
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'];
const NETWORK_VARIABLES = [
  ...PROXY_VARIABLES,
  ...PROXY_VARIABLES.map((name) => name.toLowerCase()),
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'CODEX_CA_CERTIFICATE',
];
// As browsers and what is built like one write it (RFC 6454 §6.1): it is compared letter by letter.
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@A-Z]+$/;
const MIN_SECRET_CHARACTERS = 16;
// The highest one means "nobody" to the system's own calls.
const MAX_ACCOUNT_ID = 2 ** 32 - 2;
// Not one of the variables that decide what an app-server is or may do.
const MODEL_KEY_VARIABLE =
  /^(?!(?:PATH|HOME|TMPDIR|LANG|CODEX_HOME|CODEX_EXEC_.*|CXG_.*|LD_.*|DYLD_.*)$)[A-Z_][A-Z0-9_]{0,99}$/;

/** @throws {ConfigError} naming every variable that is missing or malformed, never a value */
export function readConfig(env: Environment) {
  const read = new EnvReader(env);
  const limits = readLimits(read);
  const existingAppServerUrl = env.CXG_APP_SERVER_URL ? read.wsUrl('CXG_APP_SERVER_URL') : undefined;
  const config = read.finish({
    /** 0 asks the system for a free port. */
    port: read.port('CXG_APP_PORT', 8082),
    host: read.text('CXG_APP_HOST', { default: '127.0.0.1' }),
    logLevel: read.oneOf('CXG_LOG_LEVEL', LOG_LEVELS, 'info'),
    /** The OTEL_* variables of OpenTelemetry; undefined without a collector. */
    tracing: readTracing(read),
    inbound: readInbound(read),
    /** Browsers that may connect all the same: exact `Origin` values. A bearer in a header does not come from a browser. */
    allowedOrigins: read.parsedList('CXG_ALLOWED_ORIGINS', webOrigin),
    /** Who answers when an app-server asks for approval: the client, or this gateway for all of them. */
    approvals: read.oneOf('CXG_APPROVALS', ['client', 'accept', 'deny'], 'client'),
    /** How many proxies in front may be believed about a client's address (`X-Forwarded-For`). */
    trustedProxyHops: read.integer('CXG_TRUSTED_PROXY_HOPS', { min: 0, max: 10, default: 0 }),
    backend: existingAppServerUrl
      ? {
          kind: 'dial' as const,
          url: existingAppServerUrl,
          /** Sent to it as bearer; nothing is sent when absent. */
          token: read.optionalText('CXG_APP_SERVER_TOKEN'),
        }
      : { kind: 'launch' as const, ...readLaunch(read) },
    turnApi: readTurnApi(read),
    limits,
  });
  const replica = config.backend.kind === 'launch' ? config.backend.replica : undefined;
  if (replica && replica.leaseRenewalMs >= replica.leaseSeconds * 1000) {
    throw new ConfigError(['CXG_APP_LEASE_RENEWAL must be shorter than CXG_APP_LEASE']);
  }
  if (limits.bufferCapBytes < limits.maxFrameBytes + limits.bufferHighWaterBytes) {
    throw new ConfigError(['CXG_BUFFER_CAP_BYTES must be at least a whole frame above CXG_BUFFER_HIGH_WATER_BYTES']);
  }
  return config;
}

/** `POST /api/turns`. */
function readTurnApi(read: EnvReader) {
  const isOpen = read.optionalText('CXG_APP_INTERNAL_SECRET') !== undefined;
  return {
    /** Opens it to other services, which say for whom they call; absent: remote tokens only. */
    internalSecret: isOpen ? read.parsed('CXG_APP_INTERNAL_SECRET', atLeast16Characters, '') : undefined,
    maxTurnsPerWorkspace: read.integer('CXG_MAX_TURNS_PER_WORKSPACE', { min: 1, max: 10_000, default: 8 }),
    maxBodyBytes: read.integer('CXG_MAX_TURN_BODY_BYTES', { min: 1024, max: 64 * MEBIBYTE, default: 8 * MEBIBYTE }),
  };
}

function readInbound(read: EnvReader) {
  if (read.oneOf('CXG_INBOUND_AUTH', ['remote', 'hmac'], 'remote') === 'hmac') {
    return { kind: 'hmac' as const, secret: read.parsed('CXG_INBOUND_HMAC_SECRET', atLeast16Characters, '') };
  }
  return {
    kind: 'remote' as const,
    /** Base of codex-auth, or of an agentserver in its place. */
    agentserverUrl: read.httpUrl('CXG_AGENTSERVER_INTERNAL_URL'),
    agentserverSecret: read.sharedSecret('CXG_AGENTSERVER_INTERNAL_SECRET'),
    /** One verification, connecting and a retry included. */
    timeoutMs: read.durationMs('CXG_VERIFY_TIMEOUT', { min: '100ms', max: '30s', default: '5s' }),
    /** Verifications in a row without an answer, after which nobody is asked until a probe finds the other side back. */
    breakerFailures: read.integer('CXG_VERIFIER_BREAKER_FAILURES', { min: 1, max: 10_000, default: 5 }),
    /** Until the first probe; doubles up to half a minute. */
    breakerBackOffMs: read.durationMs('CXG_VERIFIER_BREAKER_BACKOFF', { min: '100ms', max: '5m', default: '1s' }),
    /** Between two signs of life to codex-auth, for which the sessions of a gateway without one have ended after a minute. */
    sessionReportIntervalMs: read.durationMs('CXG_SESSION_REPORT_INTERVAL', {
      min: '100ms',
      max: '30s',
      default: '15s',
    }),
  };
}

function readLaunch(read: EnvReader) {
  return {
    /** Empty: the native program of the package @openai/codex. */
    codexBinary: read.text('CXG_CODEX_BIN', { default: '' }),
    /** Codex homes of the workspaces, records of running app-servers, turns still to be revoked. */
    stateDir: read.parsed('CXG_STATE_DIR', (text) => resolve(text), ''),
    /** How app-servers reach the exec-gateway (ws base); what they get is its http form. */
    execGatewayUrl: read.wsUrl('CXG_EXEC_GATEWAY_URL'),
    /** How this service reaches the exec-gateway. */
    execGatewayInternalUrl: read.httpUrl('CXG_EXEC_GATEWAY_INTERNAL_URL'),
    execGatewayInternalSecret: read.sharedSecret('CXG_EXEC_GATEWAY_INTERNAL_SECRET'),
    /** Signs capability tokens, so it is never empty. */
    capabilitySecret: read.parsed('CXG_CAPTOKEN_HMAC_SECRET', atLeast16Characters, ''),
    /** Of one capability token; a bridge that was opened with it lasts no longer. */
    capabilityLifetimeSeconds: read.durationSeconds('CXG_CAPTOKEN_TTL', { min: '1m', max: '24d', default: '24h' }),
    /** An app-server without a client is stopped after this time. */
    idleShutdownMs: read.durationMs('CXG_IDLE_SHUTDOWN', { min: '1s', max: '24d', default: '30m' }),
    startTimeoutMs: read.durationMs('CXG_APP_SERVER_START_TIMEOUT', { min: '1s', max: '5m', default: '20s' }),
    /** From the request to end until the whole process group is killed. */
    stopTimeoutMs: read.durationMs('CXG_APP_SERVER_STOP_TIMEOUT', { min: '1s', max: '1m', default: '5s' }),
    /** For an answer of one that is suspected to hang. */
    probeTimeoutMs: readDialTimeoutMs(read),
    /** How often an app-server with clients is looked at whether it still has the right executor. */
    executorCheckMs: read.durationMs('CXG_EXECUTOR_CHECK_INTERVAL', { min: '100ms', max: '1h', default: '15s' }),
    /** Who app-servers run as; absent: this service's own user. */
    account: readAccount(read),
    /** Of app-servers, in octal digits. */
    umask: read.text('CXG_APP_SERVER_UMASK', {
      default: '077',
      pattern: /^0?[0-7]{3}$/,
      expected: 'three octal digits, such as 077',
    }),
    maxAppServers: read.integer('CXG_MAX_APP_SERVERS', { min: 1, max: 10_000, default: 32 }),
    model: readModel(read),
    network: readNetwork(read),
    /** Absent: this gateway has no replicas, and nobody is asked which workspaces are its own. */
    replica: readReplica(read),
  };
}

function readReplica(read: EnvReader) {
  const selfUrl = read.optionalHttpUrl('CXG_APP_SELF_INTERNAL_URL');
  const settings = {
    /** How long a workspace stays with a gateway that gives no sign of life. */
    leaseSeconds: read.durationSeconds('CXG_APP_LEASE', { min: '2s', max: '5m', default: '10s' }),
    leaseRenewalMs: read.durationMs('CXG_APP_LEASE_RENEWAL', { min: '100ms', max: '1m', default: '2s' }),
  };
  return selfUrl === undefined ? undefined : { selfUrl, ...settings };
}

/** Both or neither: a group must not be left to chance. */
function readAccount(read: EnvReader) {
  if (['CXG_APP_SERVER_UID', 'CXG_APP_SERVER_GID'].every((name) => read.optionalText(name) === undefined))
    return undefined;
  return { uid: read.parsed('CXG_APP_SERVER_UID', accountId, 0), gid: read.parsed('CXG_APP_SERVER_GID', accountId, 0) };
}

function accountId(text: string): number {
  const id = Number(text);
  if (!/^\d{1,10}$/.test(text) || id === 0 || id > MAX_ACCOUNT_ID) throw new TypeError('must be an id from 1 up');
  return id;
}

function readDialTimeoutMs(read: EnvReader): number {
  return read.durationMs('CXG_APP_SERVER_DIAL_TIMEOUT', { min: '100ms', max: '1m', default: '10s' });
}

/** How app-servers get out to the model: proxies and trusted authorities, under the names that every program knows. */
function readNetwork(read: EnvReader): Readonly<Record<string, string>> {
  const named = NETWORK_VARIABLES.map((name) => [name, read.optionalText(name)] as const);
  return Object.fromEntries(named.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function readModel(read: EnvReader) {
  return {
    /** Absent: the CLI's own default. */
    name: read.optionalText('CXG_MODEL'),
    provider: read.text('CXG_MODEL_PROVIDER', {
      default: 'gateway',
      pattern: PROVIDER_NAME,
      expected: `a name of letters, digits, "_" and "-", and none of the CLI's own: ${RESERVED_PROVIDERS.join(', ')}`,
    }),
    baseUrl: read.httpUrl('CXG_MODEL_PROVIDER_BASE_URL', { default: 'https://api.openai.com/v1' }),
    /** The variable under which app-servers find the key. */
    envKey: read.text('CXG_MODEL_PROVIDER_ENV_KEY', {
      default: 'CODEX_MODEL_API_KEY',
      pattern: MODEL_KEY_VARIABLE,
      expected: 'the name of a variable that app-servers have no other use for',
    }),
    wireApi: read.oneOf('CXG_MODEL_PROVIDER_WIRE_API', ['responses', 'chat'], 'responses'),
    /** Absent: the provider is called without a key. */
    apiKey: read.optionalText('CXG_CODEX_API_KEY'),
  };
}

function readLimits(read: EnvReader) {
  const bytes = (name: string, fallback: number) =>
    read.integer(name, { min: 1024, max: 1024 * MEBIBYTE, default: fallback });
  return {
    maxConnections: read.integer('CXG_MAX_CONNECTIONS', { min: 1, max: 1_000_000, default: 2000 }),
    maxConnectionsPerWorkspace: read.integer('CXG_MAX_CONNECTIONS_PER_WORKSPACE', {
      min: 1,
      max: 100_000,
      default: 64,
    }),
    /** Upgrades that are being verified or wait for their app-server. */
    maxPendingUpgrades: read.integer('CXG_MAX_PENDING_UPGRADES', { min: 1, max: 100_000, default: 256 }),
    /** From the upgrade request to its answer. */
    upgradeTimeoutMs: read.durationMs('CXG_UPGRADE_TIMEOUT', { min: '1s', max: '5m', default: '30s' }),
    /** To an app-server that is ready; one that does not accept in this time is looked at, and stopped if it hangs. */
    dialTimeoutMs: readDialTimeoutMs(read),
    /** How often the token of an open connection is verified again. */
    reverifyIntervalMs: read.durationMs('CXG_REVERIFY_INTERVAL', { min: '100ms', max: '24h', default: '60s' }),
    maxFrameBytes: bytes('CXG_MAX_FRAME_BYTES', 64 * MEBIBYTE),
    /** One direction of one connection: reading pauses here and goes on at half of it. */
    bufferHighWaterBytes: bytes('CXG_BUFFER_HIGH_WATER_BYTES', MEBIBYTE),
    /** One direction of one connection: it is closed here. Above a whole frame, since a frame is forwarded whole. */
    bufferCapBytes: bytes('CXG_BUFFER_CAP_BYTES', 80 * MEBIBYTE),
    pingIntervalMs: read.durationMs('CXG_PING_INTERVAL', { min: '100ms', max: '10m', default: '30s' }),
    /** A peer that shows no sign of life for this long is dropped. */
    pingTimeoutMs: read.durationMs('CXG_PING_TIMEOUT', { min: '200ms', max: '1h', default: '90s' }),
    /** A connection without a message in either direction is closed after this time. */
    connectionIdleMs: read.durationMs('CXG_CONNECTION_IDLE_TIMEOUT', { min: '1s', max: '24d', default: '24h' }),
    drainTimeoutMs: read.durationMs('CXG_DRAIN_TIMEOUT', { min: '0s', max: '10m', default: '20s' }),
  };
}

function webOrigin(text: string): string {
  if (!ORIGIN.test(text)) throw new TypeError('must be a list of origins, such as https://console.example');
  return text;
}

function atLeast16Characters(text: string): string {
  if (text.length < MIN_SECRET_CHARACTERS)
    throw new TypeError(`must have at least ${MIN_SECRET_CHARACTERS} characters`);
  return text;
}
