import type { Readable, Writable } from 'node:stream';
import { type Fetch, fetchWhole, type OAuthTokenSource, type SecretsProvider } from '@codex-gateways/token-source';
import type { Environment } from './config.ts';
import { readEnvironment } from './config.ts';
import { ApiClient } from './http/api-client.ts';
import { proxyFetch } from './http/proxy-fetch.ts';
import { verboseFetch } from './http/verbose-fetch.ts';
import { Output } from './output.ts';
import { openSecrets, type SecretsKind } from './session/secrets-store.ts';
import { createTokenSource, type SignInOptions } from './session/token-source.ts';
import { type GlobalOptions, readSettings, requireServer, type Settings } from './settings/settings.ts';

/** Everything the program touches of the process that it runs in. */
export interface CliIo {
  readonly env: Environment;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted when the person presses Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What a command works with. */
export class CliContext {
  readonly io: CliIo;
  readonly out: Output;
  readonly settings: Settings;
  readonly fetch: Fetch;
  #source: OAuthTokenSource | undefined;

  private constructor(io: CliIo, out: Output, settings: Settings) {
    this.io = io;
    this.out = out;
    this.settings = settings;
    const plain: Fetch = (url, init) => fetch(url, init as RequestInit);
    this.fetch = verboseFetch(proxyFetch(settings.env) ?? plain, (text) => out.detail(text));
  }

  /** @throws {CliError} when the settings are not usable */
  static async create(io: CliIo, options: GlobalOptions): Promise<CliContext> {
    const out = createOutput(io, options);
    return new CliContext(io, out, await readSettings(options, readEnvironment(io.env)));
  }

  /** @throws {CliError} `usage` when none is known */
  get server(): string {
    return requireServer(this.settings);
  }

  get source(): OAuthTokenSource {
    this.#source ??= this.createSource(this.settings.entry.secrets ?? 'file');
    return this.#source;
  }

  get api(): ApiClient {
    return new ApiClient({ server: this.server, source: this.source, fetch: this.fetch });
  }

  secrets(kind: SecretsKind): SecretsProvider {
    const { dataFolder, env: settings } = this.settings;
    return openSecrets(kind, { dataFolder, settings, env: this.io.env });
  }

  createSource(kind: SecretsKind, signIn: SignInOptions = {}): OAuthTokenSource {
    const { settings, fetch } = this;
    const onWarning = (message: string) => this.out.note(`warning: ${message}`);
    return createTokenSource({ settings, secrets: this.secrets(kind), fetch, onWarning }, signIn);
  }

  /** One exchange with a server that is not asked as the signed-in person. */
  exchange(
    url: string,
    init: { method?: string; headers?: Record<string, string>; body?: string; timeoutMs?: number } = {},
  ): Promise<Response> {
    const { timeoutMs = 10_000, method = 'GET', headers = {}, ...rest } = init;
    return fetchWhole(url, { method, headers, ...rest }, { fetch: this.fetch, requestTimeoutMs: timeoutMs });
  }
}

export function createOutput({ stdout, stderr }: Pick<CliIo, 'stdout' | 'stderr'>, options: GlobalOptions): Output {
  return new Output({ stdout, stderr, isJson: options.json ?? false, isVerbose: options.verbose ?? false });
}
