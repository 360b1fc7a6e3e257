import { type Fetch, fetchWhole, type OAuthTokenSource, printable, requestIdOf } from '@codex-gateways/token-source';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { ExitCode } from '../exit-code.ts';

/** codex-auth answers some calls only after codex-exec-gateway has. */
const TIMEOUT_MS = 30_000;

export interface ApiClientOptions {
  readonly server: string;
  readonly source: Pick<OAuthTokenSource, 'token'>;
  readonly fetch: Fetch | undefined;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
}

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** codex-auth's `/api/*`, as the person who is signed in. */
export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /** @throws {CliError} in the server's own words */
  async call<T>(path: string, answer: z.ZodType<T>, request: ApiRequest = {}): Promise<T> {
    const response = await this.#send(path, request);
    const body: unknown = await response.json().catch(() => undefined);
    const parsed = answer.safeParse(body);
    if (parsed.success) return parsed.data;
    const message = `${this.#options.server}${path} answers something else than codex-auth would: is the URL right?`;
    throw new CliError(ExitCode.failure, 'unexpected_answer', message, { requestId: requestIdOf(response) });
  }

  /** For calls that are answered 204. */
  async send(path: string, request: ApiRequest): Promise<void> {
    await this.#send(path, request);
  }

  /** A token that has been revoked looks good until a server refuses it: then another one is fetched, once. */
  async #send(path: string, request: ApiRequest): Promise<Response> {
    const { source } = this.#options;
    const token = await source.token();
    const first = await this.#exchange(path, request, token);
    if (first.status !== 401) return accept(first);
    const second = await this.#exchange(path, request, await source.token({ rejected: token }));
    if (second.status !== 401) return accept(second);
    const message = `${this.#options.server} does not accept this sign-in any more; run "codex-gateways login"`;
    throw new CliError(ExitCode.notSignedIn, 'sign_in_again', message, { requestId: requestIdOf(second) });
  }

  #exchange(path: string, { method = 'GET', query = {}, body }: ApiRequest, token: string): Promise<Response> {
    const url = new URL(this.#options.server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const headers = {
      Accept: 'application/json',
      Authorization: `Bearer ${token}`,
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    return fetchWhole(url.href, init, { fetch: this.#options.fetch, requestTimeoutMs: TIMEOUT_MS });
  }
}

async function accept(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw await refusal(response);
}

/** A refusal in the server's words, `{"error":{"code","message"}}`, or what can be said without them. */
export async function refusal(response: Response): Promise<CliError> {
  const { status } = response;
  const said = errorSchema.safeParse(await response.json().catch(() => undefined)).data?.error;
  const message = said ? printable(said.message) : `the server answers ${status} and does not say why`;
  const code = said ? printable(said.code) : `http_${status}`;
  const isPassing = status === 429 || status === 502 || status === 503 || status === 504;
  const exitCode = isPassing ? ExitCode.notReachable : ExitCode.failure;
  return new CliError(exitCode, code, message, { requestId: requestIdOf(response) });
}
