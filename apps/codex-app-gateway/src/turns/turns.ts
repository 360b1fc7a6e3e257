import { randomUUID } from 'node:crypto';
import { type Clock, type InternalClient, recordedTraceparent } from '@codex-gateways/service';
import { capabilityToken } from '@codex-gateways/tokens';
import { chooseExecutor } from './choose-executor.ts';
import { boundExecutors } from './executor-directory.ts';
import type { Revoker } from './revoker.ts';
import type { OpenTurn, TurnJournal } from './turn-journal.ts';

/** What lets one app-server reach its executor: from its start to its end, however it ends. */
export interface Turn extends OpenTurn {
  readonly exeId: string;
  /** A secret; it leaves this service in the environment of the app-server only. */
  readonly capabilityToken: string;
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
   * The executor that the workspace's app-server should have now, or undefined for none.
   * @throws {ServiceUnavailableError} when the exec-gateway cannot tell
   */
  async chooseExecutor(workspaceId: string): Promise<string | undefined> {
    return chooseExecutor(await boundExecutors(this.#execGateway, workspaceId))?.exeId;
  }

  /** Begins a turn. It is in the journal before its token exists anywhere else. */
  async begin({ workspaceId, userId, exeId }: { workspaceId: string; userId?: string; exeId: string }): Promise<Turn> {
    const turnId = `turn_${randomUUID()}`;
    const issuedAtSeconds = this.#clock.nowSeconds();
    const expiresAtSeconds = issuedAtSeconds + this.#lifetimeSeconds;
    await this.#journal.add({ turnId, expiresAtSeconds });
    const traceparent = recordedTraceparent();
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
    return { turnId, expiresAtSeconds, exeId, capabilityToken: token };
  }

  /** How long the turn's token is still good. */
  remainingMs({ expiresAtSeconds }: OpenTurn): number {
    return Math.max(0, expiresAtSeconds * 1000 - this.#clock.now().getTime());
  }

  /** Ends a turn: from soon on its token is refused everywhere. */
  end({ turnId, expiresAtSeconds }: OpenTurn): void {
    this.#revoker.revoke({ turnId, expiresAtSeconds });
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#revoker.close(timeoutMs);
  }
}
