import { type Environment, EnvReader, LOG_LEVELS, readTracing } from '@codex-gateways/service';

/** Everything codex-exec-gateway reads from its environment; README.md has the same table. */
export type Config = ReturnType<typeof readConfig>;

/** The relay's and the sockets' limits. */
export type Limits = Config['limits'];

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Reads and checks the configuration.
 * @throws {ConfigError} naming every variable that is missing or malformed, never its value
 */
export function readConfig(env: Environment) {
  const read = new EnvReader(env);
  return read.finish({
    port: read.port('CXG_PORT', 8083),
    host: read.text('CXG_HOST', { default: '127.0.0.1' }),
    databaseUrl: read.databaseUrl('CXG_DATABASE_URL'),
    databasePoolSize: read.integer('CXG_DATABASE_POOL_SIZE', { min: 2, max: 200, default: 10 }),
    databaseTimeoutMs: read.durationMs('CXG_DATABASE_TIMEOUT', { min: '100ms', max: '1m', default: '5s' }),
    // Signs tickets, and an unsigned ticket opens everything: so never empty, not even in development.
    captokenHmacSecret: read.parsed('CXG_CAPTOKEN_HMAC_SECRET', parseSigningSecret, ''),
    internalSharedSecret: read.sharedSecret('CXG_INTERNAL_SHARED_SECRET'),
    agentserverInternalUrl: read.httpUrl('CXG_AGENTSERVER_INTERNAL_URL'),
    agentserverInternalSecret: read.sharedSecret('CXG_AGENTSERVER_INTERNAL_SECRET'),
    agentserverTimeoutMs: read.durationMs('CXG_AGENTSERVER_TIMEOUT', { min: '100ms', max: '9s', default: '5s' }),
    // Of users who were disabled while codex-auth could not reach this service.
    ownerCheckIntervalMs: read.durationMs('CXG_OWNER_CHECK_INTERVAL', { min: '100ms', max: '1d', default: '60s' }),
    publicWsBaseUrl:
      read.optionalText('CXG_PUBLIC_WS_BASE_URL') === undefined ? undefined : read.wsUrl('CXG_PUBLIC_WS_BASE_URL'),
    selfInternalUrl: readSelfInternalUrl(read),
    // How many proxies in front may be believed about the caller's address (X-Forwarded-For).
    trustedProxyHops: read.integer('CXG_TRUSTED_PROXY_HOPS', { min: 0, max: 10, default: 0 }),
    logLevel: read.oneOf('CXG_LOG_LEVEL', LOG_LEVELS, 'info'),
    // The OTEL_* variables of OpenTelemetry; undefined without a collector.
    tracing: readTracing(read),
    registration: registrationSettings(read),
    limits: limits(read),
    duels: duelSettings(read),
    connectionHistoryLength: read.integer('CXG_CONNECTION_HISTORY', { min: 2, max: 1000, default: 50 }),
    cluster: clusterSettings(read),
    auditRetentionSeconds: read.durationSeconds('CXG_AUDIT_RETENTION', { min: '1d', max: '3650d', default: '90d' }),
    drainTimeoutMs: read.durationMs('CXG_DRAIN_TIMEOUT', { min: '0s', max: '10m', default: '10s' }),
  });
}

/** How other replicas reach this one: `auto` stands for this machine's host name and the port that it listens on. */
function readSelfInternalUrl(read: EnvReader): string | undefined {
  const name = 'CXG_SELF_INTERNAL_URL';
  if (read.optionalText(name) !== 'auto') return read.optionalHttpUrl(name);
  return read.parsed(
    name,
    (text) => {
      const isReachable = !['localhost', '127.0.0.1', '::1'].includes(read.optionalText('CXG_HOST') ?? '127.0.0.1');
      if (isReachable && read.optionalText('CXG_PORT') !== '0') return text;
      throw new TypeError('may be auto only with a CXG_HOST that other machines reach, and a CXG_PORT that is known');
    },
    undefined,
  );
}

function registrationSettings(read: EnvReader) {
  return {
    ticketLifetimeSeconds: read.durationSeconds('CXG_WS_TICKET_TTL', { min: '1s', max: '1h', default: '5m' }),
    bridgeTicketLifetimeSeconds: read.durationSeconds('CXG_BRIDGE_TICKET_TTL', {
      min: '1s',
      max: '10m',
      default: '60s',
    }),
    // The CLI gives up on a register call after 10 s, and any error answer ends it (docs/protocol.md).
    holdMs: read.durationMs('CXG_REGISTER_HOLD', { min: '0s', max: '9s', default: '8s' }),
  };
}

function limits(read: EnvReader) {
  const bytes = (name: string, fallback: number, max = 1024 * MIB) =>
    read.integer(name, { min: KIB, max, default: Math.min(fallback, max) });
  const executorBufferBytes = bytes('CXG_EXECUTOR_BUFFER_BYTES', 32 * MIB);
  return {
    // What 0.141 and later accept in one message; 262,145 bytes end their connection (docs/protocol.md).
    noiseFrameBytes: bytes('CXG_MAX_NOISE_FRAME_BYTES', 256 * KIB),
    plainFrameBytes: bytes('CXG_MAX_PLAIN_FRAME_BYTES', 64 * MIB),
    requestBodyBytes: bytes('CXG_MAX_REQUEST_BODY_BYTES', 64 * KIB),
    streamsPerExecutor: read.integer('CXG_MAX_STREAMS_PER_EXECUTOR', { min: 1, max: 1_000_000, default: 1024 }),
    streamsPerHarness: read.integer('CXG_MAX_STREAMS_PER_HARNESS', { min: 1, max: 100_000, default: 64 }),
    harnessesPerTurn: read.integer('CXG_MAX_HARNESSES_PER_TURN', { min: 1, max: 10_000, default: 32 }),
    connectionsPerUser: read.integer('CXG_MAX_CONNECTIONS_PER_USER', { min: 1, max: 1_000_000, default: 10_000 }),
    harnessBufferBytes: bytes('CXG_HARNESS_BUFFER_BYTES', 8 * MIB),
    // Its harnesses are paused before it is cut.
    executorHighWaterBytes: bytes('CXG_EXECUTOR_HIGH_WATER_BYTES', MIB, executorBufferBytes),
    executorBufferBytes,
    handshakeTimeoutMs: read.durationMs('CXG_HANDSHAKE_TIMEOUT', { min: '100ms', max: '1m', default: '10s' }),
    // From the 101 of a bridge to its first frame; the CLI sends one at once.
    firstFrameTimeoutMs: read.durationMs('CXG_FIRST_FRAME_TIMEOUT', { min: '100ms', max: '10m', default: '30s' }),
    // A ping goes unanswered for one interval, then the peer counts as gone: noticed within two.
    pingIntervalMs: read.durationMs('CXG_PING_INTERVAL', { min: '100ms', max: '30s', default: '30s' }),
  };
}

function duelSettings(read: EnvReader) {
  return {
    // Even, so that of two processes the one stays that was there first: nobody may be watching it any more.
    takeovers: read.integer('CXG_DUEL_TAKEOVERS', { min: 2, max: 1000, default: 4 }),
    windowSeconds: read.durationSeconds('CXG_DUEL_WINDOW', { min: '1s', max: '1h', default: '60s' }),
    holdSeconds: read.durationSeconds('CXG_DUEL_HOLD', { min: '1s', max: '1d', default: '10m' }),
  };
}

function clusterSettings(read: EnvReader) {
  const leaseSeconds = read.durationSeconds('CXG_REPLICA_LEASE', { min: '2s', max: '5m', default: '15s' });
  return {
    leaseSeconds,
    // Often enough that a renewal may fail once.
    leaseRenewalMs: read.durationMs('CXG_REPLICA_LEASE_RENEWAL', {
      min: '100ms',
      max: `${leaseSeconds * 500}ms`,
      default: `${Math.floor((leaseSeconds * 1000) / 3)}ms`,
    }),
    // For the whole handshake with the replica that has an executor; the CLI waits 10 s for its own.
    forwardTimeoutMs: read.durationMs('CXG_FORWARD_TIMEOUT', { min: '100ms', max: '9s', default: '3s' }),
    revocationRefreshMs: read.durationMs('CXG_REVOCATION_REFRESH', { min: '100ms', max: '1m', default: '5s' }),
    sweepIntervalMs: read.durationMs('CXG_SWEEP_INTERVAL', { min: '100ms', max: '1h', default: '30s' }),
  };
}

function parseSigningSecret(text: string): string {
  if (text.length < 16) throw new TypeError('must have at least 16 characters');
  return text;
}
