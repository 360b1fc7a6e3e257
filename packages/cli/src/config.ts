/** The environment as a plain record, so that tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says; the only module that names its variables. A variable set to an empty text counts as not set. */
export interface EnvironmentSettings {
  readonly authUrl: string | undefined;
  readonly execGatewayUrl: string | undefined;
  readonly appGatewayUrl: string | undefined;
  readonly workspace: string | undefined;
  /** Seals the encrypted files in place of their key file: 32 bytes in base64. */
  readonly secretsKey: string | undefined;
  /** The secret between the gateways and codex-exec-gateway: an operator's. */
  readonly execSharedSecret: string | undefined;
  readonly configHome: string | undefined;
  readonly dataHome: string | undefined;
  readonly path: string;
  readonly isCi: boolean;
  readonly proxies: { readonly http: string | undefined; readonly https: string | undefined; readonly none: string };
}

export const VARIABLES = {
  authUrl: 'CODEX_GATEWAYS_AUTH_URL',
  execGatewayUrl: 'CODEX_GATEWAYS_EXEC_URL',
  appGatewayUrl: 'CODEX_GATEWAYS_APP_URL',
  workspace: 'CODEX_GATEWAYS_WORKSPACE',
  secretsKey: 'CODEX_GATEWAYS_SECRETS_KEY',
  execSharedSecret: 'CXG_INTERNAL_SHARED_SECRET',
} as const;

export function readEnvironment(env: Environment): EnvironmentSettings {
  const read = (name: string) => env[name]?.trim() || undefined;
  const readEither = (name: string) => read(name.toLowerCase()) ?? read(name);
  return {
    authUrl: read(VARIABLES.authUrl),
    execGatewayUrl: read(VARIABLES.execGatewayUrl),
    appGatewayUrl: read(VARIABLES.appGatewayUrl),
    workspace: read(VARIABLES.workspace),
    secretsKey: read(VARIABLES.secretsKey),
    execSharedSecret: read(VARIABLES.execSharedSecret),
    configHome: read('XDG_CONFIG_HOME'),
    dataHome: read('XDG_DATA_HOME'),
    path: env.PATH ?? '',
    isCi: read('CI') !== undefined,
    proxies: { http: readEither('HTTP_PROXY'), https: readEither('HTTPS_PROXY'), none: readEither('NO_PROXY') ?? '' },
  };
}
