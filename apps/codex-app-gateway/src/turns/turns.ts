import { randomUUID } from 'node:crypto';
import { type Clock, type InternalClient, recordedTraceparent } from '@codex-gateways/service';
import { capabilityToken } from '@codex-gateways/tokens';
import { type BoundExecutor, boundExecutors } from './executor-directory.ts';
import type { Revoker } from './revoker.ts';
import type { OpenTurn, TurnJournal } from './turn-journal.ts';

/** Whose turn it is, and on which executor. */
export interface TurnSubject {
  readonly workspaceId: string;
  readonly userId?: string;
  readonly exeId: string;
  /** The trace that it belongs to. */
  readonly traceparent?: string;
}

/** What lets one app-server reach its executor, from its beginning until it is revoked. */
export interface Turn extends OpenTurn, TurnSubject {
  /** Epoch seconds, of the latest token or the beginning. */
  readonly issuedAtSeconds: number;
}

/** Chooses executors, mints what reaches them, and takes it back. */
export class Turns {
  readonly #execGateway: Pick<InternalClient, 'request'>;
  readonly #journal: TurnJournal;
  readonly #revoker: Revoker;
  readonly #clock: Clock;
  readonly #secret: string;
  readonly #lifetimeSeconds: number;

  constructor(deps: {
    execGateway: Pick<InternalClient, 'request'>;
    journal: TurnJournal;
    revoker: Revoker;
    clock: Clock;
    /** Signs capability tokens. */
    secret: string;
    lifetimeSeconds: number;
  }) {
    this.#execGateway = deps.execGateway;
    this.#journal = deps.journal;
    this.#revoker = deps.revoker;
    this.#clock = deps.clock;
    this.#secret = deps.secret;
    this.#lifetimeSeconds = deps.lifetimeSeconds;
  }

  /** Revokes what an earlier run left open: its app-servers are gone. */
  async open(): Promise<void> {
    for (const turn of await this.#journal.open()) this.#revoker.revoke(turn);
  }

  /**
   * The workspace's executors; see `chooseExecutor` and `mustMove`.
   * @throws {ServiceUnavailableError} when the exec-gateway cannot tell
   */
  executors(workspaceId: string): Promise<readonly BoundExecutor[]> {
    return boundExecutors(this.#execGateway, workspaceId);
  }

  /** Begins a turn. It is in the journal before anything else knows of it. */
  async begin({ workspaceId, userId, exeId }: TurnSubject): Promise<Turn> {
    const issuedAtSeconds = this.#clock.nowSeconds();
    const traceparent = recordedTraceparent();
    const turn = {
      turnId: `turn_${randomUUID()}`,
      issuedAtSeconds,
      expiresAtSeconds: issuedAtSeconds + this.#lifetimeSeconds,
      workspaceId,
      exeId,
      ...(userId === undefined ? {} : { userId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    await this.#journal.add({ turnId: turn.turnId, expiresAtSeconds: turn.expiresAtSeconds });
    return turn;
  }

  /**
   * A fresh capability token of a turn. How long it lives is in the journal before it exists anywhere else.
   * @returns the turn as it is from now on
   */
  async mint(turn: Turn): Promise<{ token: string; turn: Turn }> {
    const issuedAtSeconds = this.#clock.nowSeconds();
    const expiresAtSeconds = issuedAtSeconds + this.#lifetimeSeconds;
    const { turnId, workspaceId, userId, traceparent } = turn;
    await this.#journal.add({ turnId, expiresAtSeconds });
    const token = capabilityToken.mint(
      {
        turn_id: turnId,
        workspace_id: workspaceId,
        ...(userId === undefined ? {} : { user_id: userId }),
        iat: issuedAtSeconds,
        exp: expiresAtSeconds,
        ...(traceparent === undefined ? {} : { traceparent }),
      },
      this.#secret,
    );
    return { token, turn: { ...turn, issuedAtSeconds, expiresAtSeconds } };
  }

  /** Ends a turn: from soon on its token is refused everywhere. */
  end({ turnId, expiresAtSeconds }: OpenTurn): void {
    this.#revoker.revoke({ turnId, expiresAtSeconds });
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#revoker.close(timeoutMs);
  }
}
