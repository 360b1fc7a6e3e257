import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { freePort } from '@codex-gateways/testing';

/** How the server behaves that validates credentials. */
export type AgentserverMood = 'answers' | 'errs' | 'stalls' | 'talks nonsense' | 'hangs up';

export const VALIDATE_PATH = '/internal/codex-auth/validate';
export const ACTIVE_USERS_PATH = '/internal/codex-auth/users/active';

const KEEP_ALIVE_MS = 600_000;

export interface SeenValidation {
  readonly secret: string | undefined;
  readonly body: { scheme?: string; token?: string; assertion?: string; account_id?: string };
}

/**
 * A server in the place of codex-auth, as far as this service sees it: `/internal/codex-auth/validate` and `…/users/active`. It knows a few
 * bearers, can be in a bad mood, and can go away and come back on the same port.
 */
export class Agentserver {
  readonly validations: SeenValidation[] = [];
  /** Every question which users are active; undefined in place of the list means a server without that endpoint. */
  readonly askedAbout: string[][] = [];
  disabled: Set<string> | undefined = new Set();
  mood: AgentserverMood = 'answers';
  /** Where it does not know the secret that it is shown. */
  refusesSecretAt: readonly string[] = [];
  /** Its word for credentials that it does not know. */
  wordForRefusal = 'invalid_token';
  readonly #userOfToken = new Map<string, string>();
  // Whoever asks again after a while is not to meet a connection that is just being given up.
  readonly #server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (req, res) => {
    this.#answer(req, res).catch(() => res.destroy());
  });
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Makes a bearer known. An assertion is known under its own text. */
  knows(token: string, userId: string): void {
    this.#userOfToken.set(token, userId);
  }

  async start(): Promise<void> {
    this.#port ||= await freePort(); // nobody else gets it while this server is away
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    if (this.mood === 'stalls') return;
    if (this.mood === 'hangs up') {
      res.destroy();
      return;
    }
    if (this.refusesSecretAt.includes(req.url ?? '')) return reply(res, 401, { error: 'unauthorized' });
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (req.url === ACTIVE_USERS_PATH && this.disabled) return this.#answerActive(req, res, parsed);
    const body = parsed as SeenValidation['body'];
    this.validations.push({ secret: req.headers['x-internal-secret']?.toString(), body });
    if (req.method !== 'POST' || req.url !== VALIDATE_PATH) return reply(res, 404, { error: 'path' });
    if (this.mood === 'errs') return reply(res, 500, { error: 'internal' });
    if (this.mood === 'talks nonsense') return reply(res, 200, { user: 'nobody knows' });
    const userId = this.#userOfToken.get(body.token ?? body.assertion ?? '');
    if (userId === undefined) return reply(res, 401, { error: this.wordForRefusal });
    reply(res, 200, { user_id: userId });
  }

  #answerActive(req: IncomingMessage, res: ServerResponse, body: unknown): void {
    const { user_ids: userIds } = body as { user_ids: string[] };
    const isKnown = req.headers['x-internal-secret'] !== undefined;
    if (this.mood === 'errs' || !isKnown) {
      reply(res, isKnown ? 500 : 401, { error: 'no' });
    } else if (this.mood === 'talks nonsense') {
      reply(res, 200, { users: [] });
    } else {
      this.askedAbout.push(userIds);
      reply(res, 200, { active: userIds.filter((userId) => !this.disabled?.has(userId)) });
    }
  }
}

function reply(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
