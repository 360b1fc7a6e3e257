import type { Turn, TurnSubject, Turns } from './turns.ts';

/** Renewal begins when this part of a token's life is over, so that there is time to find a quiet moment. */
const RENEW_AFTER_FRACTION = 0.9;

export interface ExecutorAccessDeps {
  readonly turns: Pick<Turns, 'begin' | 'mint' | 'end'>;
  /** Begun already. */
  readonly turn: Turn;
  /** The turns (in the CLI's sense) that the app-server is working on right now: access is not renewed meanwhile. */
  readonly activeTurnIds: () => ReadonlySet<string>;
}

/** A capability token, and what was known when it was made. */
export interface AccessGrant {
  readonly token: string;
  readonly turnId: string;
  /** How many clients had come in. */
  readonly admissions: number;
}

/**
 * What lets one app-server reach its executor for as long as it runs: a turn (in our sense, which capability tokens name and
 * revocations end), renewed by another before its tokens end. Tokens are minted one by one when they are needed. A turn that
 * somebody else revoked is followed by another only when a client has come in, and was verified, after that.
 */
export class ExecutorAccess {
  readonly #turns: ExecutorAccessDeps['turns'];
  readonly #subject: TurnSubject;
  readonly #activeTurnIds: () => ReadonlySet<string>;
  #turn: Turn | undefined;
  #beginning: Promise<void> | undefined;
  #isRevoked = false;
  #admissions = 0;
  #renewalTimer: NodeJS.Timeout | undefined;
  #isRenewalDue = false;
  #hasEnded = false;

  constructor({ turns, turn, activeTurnIds }: ExecutorAccessDeps) {
    this.#turns = turns;
    this.#turn = turn;
    this.#subject = turn;
    this.#activeTurnIds = activeTurnIds;
  }

  get exeId(): string {
    return this.#subject.exeId;
  }

  /** The turn that tokens name at present; undefined until the next use when it was ended. */
  get turnId(): string | undefined {
    return this.#turn?.turnId;
  }

  /**
   * A fresh capability token.
   * @returns undefined after the end, and when access was revoked and nobody has come in since
   */
  async grant(): Promise<AccessGrant | undefined> {
    if (this.#isRevoked || this.#hasEnded) return undefined;
    const admissions = this.#admissions;
    if (!this.#turn) {
      this.#beginning ??= this.#begin().finally(() => {
        this.#beginning = undefined;
      });
      await this.#beginning;
    }
    const used = this.#turn;
    if (!used) return undefined;
    const { token, turn } = await this.#turns.mint(used);
    if (this.#turn?.turnId !== used.turnId) {
      this.#turns.end(turn); // it ended meanwhile, and this token with it
      return this.grant();
    }
    this.#turn = turn;
    this.#armRenewal(turn);
    return { token, turnId: turn.turnId, admissions };
  }

  /**
   * The exec-gateway does not take this token, since its turn was revoked. That may be old news: the turn can be over, and who came in since the
   * token was made was verified by then.
   * @returns whether there is access nevertheless, by another turn
   */
  revoked({ turnId, admissions }: AccessGrant): boolean {
    if (this.#turn?.turnId === turnId) this.#endTurn();
    if (this.#admissions === admissions) this.#isRevoked = true;
    return !this.#isRevoked && !this.#hasEnded;
  }

  /** A client that was just verified has come in: what was revoked before concerns others. */
  admitted(): void {
    this.#admissions += 1;
    this.#isRevoked = false;
  }

  /** No turn runs at the moment: the time to put another token in place of one that is near its end. */
  quiet(): void {
    if (this.#isRenewalDue) this.#endTurn();
  }

  /** Safe to call twice. */
  end(): void {
    this.#hasEnded = true;
    this.#endTurn();
  }

  async #begin(): Promise<void> {
    const turn = await this.#turns.begin(this.#subject);
    this.#turn = turn;
    if (this.#hasEnded) this.#endTurn();
  }

  #armRenewal({ expiresAtSeconds, issuedAtSeconds }: Turn): void {
    clearTimeout(this.#renewalTimer);
    this.#isRenewalDue = false;
    const begin = () => {
      this.#isRenewalDue = true;
      if (this.#activeTurnIds().size === 0) this.quiet();
    };
    const lifetimeMs = (expiresAtSeconds - issuedAtSeconds) * 1000;
    this.#renewalTimer = setTimeout(begin, lifetimeMs * RENEW_AFTER_FRACTION).unref();
  }

  /** What is open with its tokens closes; whoever needs the executor again gets another turn. */
  #endTurn(): void {
    clearTimeout(this.#renewalTimer);
    this.#isRenewalDue = false;
    if (this.#turn) this.#turns.end(this.#turn);
    this.#turn = undefined;
  }
}
