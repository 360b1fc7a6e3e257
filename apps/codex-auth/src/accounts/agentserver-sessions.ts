import { HttpError, type InternalClient, type Logger, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import type { ExternalUsers } from './external-users.ts';
import type { SessionResolver, SignedInUser } from './session-resolver.ts';

const answerSchema = z.object({
  user_id: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  email: z
    .string()
    .max(254)
    .regex(/^[^\s@]+@[^\s@]+$/),
});

export interface AgentserverSessionsDeps {
  readonly client: Pick<InternalClient, 'request'>;
  /** Path of the URL that knows the sessions. */
  readonly path: string;
  readonly users: Pick<ExternalUsers, 'ensure'>;
  readonly log: Logger;
}

/**
 * Sessions of a product that this service is embedded in: its URL is asked with the caller's cookies, and answers 200
 * `{user_id, email}` for a person who is signed in there. A person seen for the first time gets a user and a workspace
 * here.
 */
export class AgentserverSessions implements SessionResolver {
  readonly #deps: AgentserverSessionsDeps;

  constructor(deps: AgentserverSessionsDeps) {
    this.#deps = deps;
  }

  /** @throws {HttpError} 503 when there is no answer that says yes or no: then nobody knows who is signed in */
  async resolve(cookieHeader: string | undefined): Promise<SignedInUser | undefined> {
    if (cookieHeader === undefined) return undefined;
    const { client, path, users, log } = this.#deps;
    const answer = await client.request({ method: 'GET', path, headers: { cookie: cookieHeader } }).catch(unavailable);
    if (answer.status === 401 || answer.status === 403) return undefined;
    const person = answerSchema.safeParse(answer.body);
    if (answer.status !== 200 || !person.success) {
      log.error({ status: answer.status }, 'the answer about a session is not one');
      throw unavailable();
    }
    return users.ensure({ userId: person.data.user_id, email: person.data.email });
  }
}

function unavailable(cause?: unknown): never {
  if (cause !== undefined && !(cause instanceof ServiceUnavailableError)) throw cause;
  throw new HttpError(503, 'temporarily_unavailable', 'it cannot be told who is signed in, try again in a moment', {
    reason: 'no usable answer about a session',
    headers: { 'Retry-After': '2' },
    cause,
  });
}
