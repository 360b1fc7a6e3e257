import { runOutsideRequests } from '@codex-gateways/service';
import { parseRemoteToken } from '@codex-gateways/tokens';
import type { Authenticator, Caller } from '../authentication/authenticator.ts';
import type { AccessEnding } from '../authentication/revocation-stream.ts';
import { closing } from './close-forwarding.ts';
import type { ClientConnection } from './connection-registry.ts';

export interface ReverificationDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /**
   * Between two questions about a connection, on the average; each pause differs a little, so that connections made together are
   * not asked about together for ever.
   */
  readonly intervalMs: number;
}

/** Node.js keeps a list of timers for each length: there are so many different pauses. */
const PAUSES = 64;

/** When all are asked about, so many a second: each question may cost the other side a slow comparison. */
const QUESTIONS_PER_SECOND = 20;

/** What ends with the token that began it. */
export interface Watched {
  readonly closed: Promise<unknown>;
  close: ClientConnection['close'];
}

/**
 * Asks about the tokens of open connections again and again, and at once when somebody's access is said to have ended; closes those
 * whose token is no longer good for the same workspace: a connection may be open for days. While nobody can be asked they stay.
 */
export class Reverification {
  readonly #deps: ReverificationDeps;
  readonly #kept = new Set<VerifiedConnection>();

  constructor(deps: ReverificationDeps) {
    this.#deps = deps;
  }

  /** Watches over a connection until it is closed. */
  keep(connection: Watched, { token, caller }: { token: string; caller: Caller }): void {
    const kept = new VerifiedConnection(connection, { token, caller, ...this.#deps });
    this.#kept.add(kept);
    void connection.closed.then(() => {
      this.#kept.delete(kept);
      kept.stop();
    });
  }

  /** Asks at once about the connections that this may be about. */
  accessEnded(ending: AccessEnding): void {
    for (const kept of this.#kept) {
      if (kept.isConcernedBy(ending)) kept.askWithin(0);
    }
  }

  /** Asks about all of them soon, since it was missed whom it is about. */
  askAll(): void {
    const withinMs = Math.min(this.#deps.intervalMs / 2, (this.#kept.size * 1000) / QUESTIONS_PER_SECOND);
    for (const kept of this.#kept) kept.askWithin(withinMs);
  }
}

class VerifiedConnection {
  readonly #connection: Watched;
  readonly #options: ReverificationDeps & { readonly token: string; readonly caller: Caller };
  readonly #tokenId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isOutdated = false;
  #isOver = false;

  constructor(connection: Watched, options: ReverificationDeps & { token: string; caller: Caller }) {
    this.#connection = connection;
    this.#options = options;
    this.#tokenId = parseRemoteToken(options.token)?.id;
    this.#askLater();
  }

  /** A token of another form has no id that we know: it may be the one. */
  isConcernedBy({ userId, workspaceId, remoteTokenId }: AccessEnding): boolean {
    const { caller } = this.#options;
    return (
      isSame(caller.userId, userId) &&
      isSame(caller.workspaceId, workspaceId) &&
      (this.#tokenId === undefined || isSame(this.#tokenId, remoteTokenId))
    );
  }

  /** At a random moment, so that many are not asked about in one. */
  askWithin(withinMs: number): void {
    if (this.#isOver) return;
    if (this.#isAsking) {
      this.#isOutdated = true; // the answer that is under way may be older than the reason to ask
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), Math.random() * withinMs).unref();
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const { authenticator, token, caller } = this.#options;
    this.#isAsking = true;
    // Not part of the upgrade's trace, which would never end.
    const outcome = await runOutsideRequests(() => authenticator.authenticate(token)).catch(() => undefined);
    this.#isAsking = false;
    const isRefused = outcome?.kind === 'unauthorized';
    const hasMoved = outcome?.kind === 'authenticated' && outcome.caller.workspaceId !== caller.workspaceId;
    if (isRefused || hasMoved) {
      this.#connection.close(closing('unauthorized', 'the remote token is no longer valid'));
    } else if (this.#isOutdated) {
      this.#isOutdated = false;
      this.askWithin(0);
    } else {
      this.#askLater();
    }
  }

  #askLater(): void {
    if (this.#isOver) return;
    const share = Math.floor(Math.random() * PAUSES) / PAUSES;
    const pauseMs = this.#options.intervalMs * (0.75 + share / 2);
    this.#timer = setTimeout(() => void this.#ask(), pauseMs).unref();
  }
}

function isSame(own: string | undefined, named: string | undefined): boolean {
  return named === undefined || own === named;
}
