import { join } from 'node:path';
import type { Environment } from '@codex-gateways/service';
import type { Secrets } from './secrets.ts';

export type ServiceName = 'auth' | 'app' | 'exec';

/** In the order in which they are stopped: who calls ends before who is called. */
export const SERVICE_NAMES = [
  { key: 'app', name: 'codex-app-gateway' },
  { key: 'exec', name: 'codex-exec-gateway' },
  { key: 'auth', name: 'codex-auth' },
] as const satisfies { key: ServiceName; name: string }[];

/** What the processes need of the caller's environment whatever they do. */
const GENERAL =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TMPDIR|NODE_.*|OTEL_.*|SSL_CERT_.*|(HTTPS?|NO|ALL)_PROXY)$/i;
/** What the caller may set for each service besides; what the stack decides itself comes on top. */
const OWN: Readonly<Record<ServiceName, RegExp>> = {
  auth: /^(CODEX_AUTH_.*|LOG_LEVEL|CODEX_GATEWAYS_DEV)$/,
  app: /^(CXG_.*|CODEX_CA_CERTIFICATE|CODEX_GATEWAYS_DEV)$/,
  exec: /^(CXG_.*|CODEX_GATEWAYS_DEV)$/,
};

export interface StackFacts {
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly databaseUrl: string;
  readonly secrets: Secrets;
  readonly devUser: { readonly email: string; readonly password: string };
  readonly codexFolder: string;
}

/** Base URL of each service, without a slash at the end. */
export function urlsOf(ports: StackFacts['ports']): Record<ServiceName, string> {
  const url = (port: number) => `http://127.0.0.1:${port}`;
  return { auth: url(ports.auth), app: url(ports.app), exec: url(ports.exec) };
}

/** The whole environment of each service's process. What the caller leaves out of the general part is as it is here. */
export function serviceEnvironments(caller: Environment, facts: StackFacts): Record<ServiceName, NodeJS.ProcessEnv> {
  const decided = { auth: authEnvironment(facts), app: appEnvironment(facts), exec: execEnvironment(facts) };
  const preset = {
    auth: { ...AUTH_PRESET(facts), ...upstreamSecrets(caller) },
    app: { ...GATEWAY_PRESET, ...modelKey(caller) },
    exec: GATEWAY_PRESET,
  };
  const environmentOf = (name: ServiceName) => ({
    ...preset[name],
    ...pick(process.env, GENERAL),
    ...pick(caller, GENERAL),
    ...pick(caller, OWN[name]),
    ...decided[name],
  });
  return { auth: environmentOf('auth'), app: environmentOf('app'), exec: environmentOf('exec') };
}

/**
 * The environment of one replica out of several, from what the service alone would have: its own port and address, and trust in
 * the one balancer in front of it.
 * @param base - as {@link serviceEnvironments} gives it, with the balancer's ports
 * @param replica - 1 for the first
 */
export function replicaEnvironment(
  name: ServiceName,
  base: NodeJS.ProcessEnv,
  { replica, port }: { replica: number; port: number },
): NodeJS.ProcessEnv {
  const url = `http://127.0.0.1:${port}`;
  const own = {
    auth: { CODEX_AUTH_PORT: String(port), CODEX_AUTH_TRUSTED_PROXY_HOPS: '1' },
    exec: { CXG_PORT: String(port), CXG_SELF_INTERNAL_URL: url, CXG_TRUSTED_PROXY_HOPS: '1' },
    app: {
      CXG_APP_PORT: String(port),
      CXG_APP_SELF_INTERNAL_URL: url,
      CXG_STATE_DIR: `${base.CXG_STATE_DIR}-${replica}`,
    },
  };
  return { ...base, ...own[name] };
}

// Ctrl-C at a terminal should not wait as long as a deployment does.
const AUTH_PRESET = (facts: StackFacts) => ({
  CODEX_AUTH_DRAIN_TIMEOUT: '5s',
  CODEX_AUTH_ISSUER_URL: urlsOf(facts.ports).auth,
});
const GATEWAY_PRESET = { CXG_DRAIN_TIMEOUT: '5s' };

function authEnvironment({ ports, databaseUrl, secrets, devUser }: StackFacts) {
  return {
    CODEX_AUTH_HOST: '127.0.0.1',
    CODEX_AUTH_PORT: String(ports.auth),
    CODEX_AUTH_DATABASE_URL: databaseUrl,
    CODEX_AUTH_MASTER_KEY: secrets.masterKey,
    INTERNAL_API_SECRET: secrets.internalApiSecret,
    CXG_EXEC_GATEWAY_INTERNAL_URL: urlsOf(ports).exec,
    DEV_USER_EMAIL: devUser.email,
    DEV_USER_PASSWORD: devUser.password,
  };
}

function execEnvironment({ ports, databaseUrl, secrets }: StackFacts) {
  const urls = urlsOf(ports);
  return {
    CXG_HOST: '127.0.0.1',
    CXG_PORT: String(ports.exec),
    CXG_DATABASE_URL: databaseUrl,
    CXG_CAPTOKEN_HMAC_SECRET: secrets.captokenSecret,
    CXG_INTERNAL_SHARED_SECRET: secrets.execSharedSecret,
    CXG_AGENTSERVER_INTERNAL_URL: urls.auth,
    CXG_AGENTSERVER_INTERNAL_SECRET: secrets.internalApiSecret,
    CXG_SELF_INTERNAL_URL: urls.exec,
  };
}

function appEnvironment({ ports, secrets, codexFolder }: StackFacts) {
  const urls = urlsOf(ports);
  return {
    CXG_APP_HOST: '127.0.0.1',
    CXG_APP_PORT: String(ports.app),
    CXG_AGENTSERVER_INTERNAL_URL: urls.auth,
    CXG_AGENTSERVER_INTERNAL_SECRET: secrets.internalApiSecret,
    CXG_EXEC_GATEWAY_URL: urls.exec.replace(/^http/, 'ws'),
    CXG_EXEC_GATEWAY_INTERNAL_URL: urls.exec,
    CXG_EXEC_GATEWAY_INTERNAL_SECRET: secrets.execSharedSecret,
    CXG_CAPTOKEN_HMAC_SECRET: secrets.captokenSecret,
    CXG_STATE_DIR: join(codexFolder, 'app-gateway'),
  };
}

/** The key may be given under the provider's own variable, such as OPENAI_API_KEY, as with the CLI itself. */
function modelKey(caller: Environment): NodeJS.ProcessEnv {
  const variable = caller.CXG_MODEL_PROVIDER_ENV_KEY;
  const key = variable ? caller[variable] : undefined;
  return variable && key ? { [variable]: key, CXG_CODEX_API_KEY: key } : {};
}

/** The secrets of clients at identity providers, by the names that CODEX_AUTH_UPSTREAMS has for their variables. */
function upstreamSecrets(caller: Environment): NodeJS.ProcessEnv {
  const names = new Set<string>();
  try {
    JSON.parse(caller.CODEX_AUTH_UPSTREAMS ?? '[]', (member, value: unknown) => {
      if (/^(client_secret|initial_access_token)_env$/.test(member) && typeof value === 'string') names.add(value);
      return value;
    });
  } catch {
    // For codex-auth to say, as of anything else that is wrong with it.
  }
  return Object.fromEntries([...names].flatMap((name) => (caller[name] ? [[name, caller[name]]] : [])));
}

function pick(env: Environment, names: RegExp): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => value && names.test(name)));
}
