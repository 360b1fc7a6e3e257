import { type InternalClient, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import type { OwnSecretCheck } from './own-secret-check.ts';

/** An executor's credentials as it presents them; nothing in them is verified. */
export type ExecutorCredentials =
  | { readonly scheme: 'bearer'; readonly token: string; readonly accountId: string | undefined }
  | { readonly scheme: 'agent_assertion'; readonly assertion: string; readonly accountId: string | undefined };

export type ValidationOutcome =
  | { readonly kind: 'valid'; readonly userId: string }
  | { readonly kind: 'refused' }
  /** The caller is this gateway as far as the other server is concerned, and it was refused; of the credentials nothing is known. */
  | { readonly kind: 'own_secret_refused' };

const VALIDATE_PATH = '/internal/codex-auth/validate';
const validAnswerSchema = z.object({ user_id: z.string().min(1).max(128) });
const AUTHORIZATION = /^(Bearer|AgentAssertion) +([A-Za-z0-9._~+/=-]{1,16384})$/i;
const ACCOUNT_ID = /^[\x21-\x7e]{1,256}$/;
/** How long an answer about reachability counts: many executors ask at once after an outage. */
const REACHABILITY_CACHE_MS = 1000;

/** The credentials of `Authorization: Bearer …` or `AgentAssertion …`, or undefined when there are none to be read. */
export function parseExecutorCredentials(headers: {
  readonly authorization: string | undefined;
  readonly accountId: string | undefined;
}): ExecutorCredentials | undefined {
  const [, scheme, value] = AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  if (!scheme || !value) return undefined;
  const accountId = headers.accountId && ACCOUNT_ID.test(headers.accountId) ? headers.accountId : undefined;
  return scheme.toLowerCase() === 'bearer'
    ? { scheme: 'bearer', token: value, accountId }
    : { scheme: 'agent_assertion', assertion: value, accountId };
}

/** Asks the server that issued an executor's credentials whether they hold. */
export class AgentserverValidator {
  readonly #client: InternalClient;
  readonly #ownSecret: Pick<OwnSecretCheck, 'isMeant' | 'taken'>;
  #reachability: { readonly until: number; readonly answer: Promise<boolean> } | undefined;

  /** @param client - carries base URL, shared secret and deadline */
  constructor(client: InternalClient, ownSecret: Pick<OwnSecretCheck, 'isMeant' | 'taken'>) {
    this.#client = client;
    this.#ownSecret = ownSecret;
  }

  /**
   * Only 401 is a no, unless it is this gateway's own secret that is refused. Everything else that is not a clear yes means that
   * nobody knows, and must not cost an executor its registration.
   * @throws {ServiceUnavailableError}
   */
  async validate(credentials: ExecutorCredentials, signal?: AbortSignal): Promise<ValidationOutcome> {
    const { accountId, ...presented } = credentials;
    const answer = await this.#client.request({
      method: 'POST',
      path: VALIDATE_PATH,
      body: { ...presented, ...(accountId === undefined ? {} : { account_id: accountId }) },
      ...(signal ? { signal } : {}),
    });
    if (answer.status === 401) {
      return { kind: (await this.#ownSecret.isMeant(answer, signal)) ? 'own_secret_refused' : 'refused' };
    }
    if (answer.status === 200) this.#ownSecret.taken();
    const valid = validAnswerSchema.safeParse(answer.body);
    if (answer.status === 200 && valid.success) return { kind: 'valid', userId: valid.data.user_id };
    throw new ServiceUnavailableError(`credential validation answered ${answer.status} without a usable body`);
  }

  /** Whether a validation would get an answer now that is about credentials; asked at most once a second. Never throws. */
  isReachable(): Promise<boolean> {
    const now = performance.now();
    if (!this.#reachability || this.#reachability.until < now) {
      const answer = this.validate({ scheme: 'bearer', token: 'reachability-check', accountId: undefined }).then(
        ({ kind }) => kind !== 'own_secret_refused',
        () => false,
      );
      this.#reachability = { until: now + REACHABILITY_CACHE_MS, answer };
    }
    return this.#reachability.answer;
  }
}
