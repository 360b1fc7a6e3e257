import { readFileSync } from 'node:fs';
import { configurationProblems, undocumentedVariables } from '@codex-gateways/testing';
import { readConfig } from './config.ts';

const COMPLETE = {
  CXG_DATABASE_URL: 'postgres://user:pw@127.0.0.1/db',
  CXG_CAPTOKEN_HMAC_SECRET: 'capability-secret-1234',
  CXG_INTERNAL_SHARED_SECRET: 'shared-secret-12345',
  CXG_AGENTSERVER_INTERNAL_URL: 'http://127.0.0.1:8081/',
  CXG_AGENTSERVER_INTERNAL_SECRET: 'internal-secret-12345',
};

const problemsOf = (env: Record<string, string | undefined>) => configurationProblems(readConfig, env);

describe('the configuration', () => {
  it('needs five variables, has a default for the rest, and is frozen to what the documentation says', () => {
    expect(readConfig(COMPLETE)).toMatchObject({
      port: 8083,
      host: '127.0.0.1',
      agentserverInternalUrl: 'http://127.0.0.1:8081',
      agentserverTimeoutMs: 5000,
      publicWsBaseUrl: undefined,
      selfInternalUrl: undefined,
      registration: { ticketLifetimeSeconds: 300, bridgeTicketLifetimeSeconds: 60, holdMs: 8000 },
      limits: {
        noiseFrameBytes: 262_144,
        plainFrameBytes: 67_108_864,
        harnessBufferBytes: 8_388_608,
        pingIntervalMs: 30_000,
      },
    });
  });

  it('is described in the README, every variable', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(undocumentedVariables(readConfig, { readme, environments: [COMPLETE] })).toEqual([]);
  });

  it('names everything that is missing at once', () => {
    const problems = problemsOf({}).join('\n');
    for (const name of Object.keys(COMPLETE)) expect(problems).toContain(name);
  });

  it.each([
    ['CXG_PORT', '70000'],
    ['CXG_PORT', '8083x'],
    ['CXG_CAPTOKEN_HMAC_SECRET', 'short'],
    ['CXG_INTERNAL_SHARED_SECRET', 'short'],
    ['CXG_AGENTSERVER_INTERNAL_URL', '127.0.0.1:8081'],
    ['CXG_AGENTSERVER_INTERNAL_URL', 'http://u:p@host'],
    ['CXG_PUBLIC_WS_BASE_URL', 'https://host'],
    ['CXG_SELF_INTERNAL_URL', 'ws://host'],
    ['CXG_SELF_INTERNAL_URL', 'auto'],
    ['CXG_LOG_LEVEL', 'loud'],
    ['CXG_WS_TICKET_TTL', '5'],
    ['CXG_WS_TICKET_TTL', '2h'],
    ['CXG_REGISTER_HOLD', '10s'],
    ['CXG_PING_INTERVAL', '31s'],
    ['CXG_MAX_NOISE_FRAME_BYTES', '0'],
    ['CXG_MAX_STREAMS_PER_EXECUTOR', '-1'],
    ['CXG_DRAIN_TIMEOUT', 'soon'],
  ])('stops the start for %s=%s, and repeats no value', (name, value) => {
    const problems = problemsOf({ ...COMPLETE, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    if (value === 'short') expect(problems[0]).not.toContain(value);
  });

  it.each([
    ['CXG_REPLICA_LEASE_RENEWAL', { CXG_REPLICA_LEASE: '5s', CXG_REPLICA_LEASE_RENEWAL: '3s' }],
    ['CXG_EXECUTOR_HIGH_WATER_BYTES', { CXG_EXECUTOR_HIGH_WATER_BYTES: '4096', CXG_EXECUTOR_BUFFER_BYTES: '4095' }],
  ])('stops the start when %s does not go together with another variable', (name, env) => {
    expect(problemsOf({ ...COMPLETE, ...env })).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
  });

  it('has defaults that go together with what is set', () => {
    const { cluster, limits } = readConfig({ ...COMPLETE, CXG_REPLICA_LEASE: '3s', CXG_EXECUTOR_BUFFER_BYTES: '4096' });
    expect(cluster).toMatchObject({ leaseSeconds: 3, leaseRenewalMs: 1000 });
    expect(limits).toMatchObject({ executorBufferBytes: 4096, executorHighWaterBytes: 4096 });
    expect(readConfig(COMPLETE).cluster).toMatchObject({ leaseSeconds: 15, leaseRenewalMs: 5000 });
  });

  it('takes the own host name for its address only where others reach that', () => {
    const env = { ...COMPLETE, CXG_SELF_INTERNAL_URL: 'auto', CXG_HOST: '0.0.0.0' };
    expect(readConfig(env).selfInternalUrl).toBe('auto');
    expect(problemsOf({ ...env, CXG_PORT: '0' })).toEqual([expect.stringContaining('CXG_PORT')]);
  });

  it('does without the secrets of middlewares in development alone, and never without the one that signs', () => {
    const without = { ...COMPLETE, CXG_INTERNAL_SHARED_SECRET: '', CXG_AGENTSERVER_INTERNAL_SECRET: '' };
    expect(problemsOf(without)).toHaveLength(2);
    expect(problemsOf({ ...without, CODEX_GATEWAYS_DEV: '1' })).toEqual([]);
    const unsigned = problemsOf({ ...COMPLETE, CXG_CAPTOKEN_HMAC_SECRET: '', CODEX_GATEWAYS_DEV: '1' });
    expect(unsigned).toEqual([expect.stringContaining('CXG_CAPTOKEN_HMAC_SECRET')]);
  });
});
