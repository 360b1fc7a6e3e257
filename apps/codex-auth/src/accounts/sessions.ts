import { randomToken, sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { SessionResolver, SignedInUser } from './session-resolver.ts';
import { deleteEndedSessions, deleteSession, type FoundSession, findSession, insertSession } from './session-store.ts';
import { deleteSessionOf, deleteSessionsOf, listSessionsOf } from './user-session-store.ts';

const SESSION_COOKIE = 'codex_session';

const COOKIE_VALUE = /^[A-Za-z0-9_-]{43}$/;
const MAX_USER_AGENT_LENGTH = 256;

/** A browser in which a person is signed in. */
export interface BrowserSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  /** Whether it is the one that asks. */
  readonly isCurrent: boolean;
}

/** Whose session to open, and in which browser. */
export interface SessionRequest {
  readonly userId: string;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** Sessions of people who signed in here. The cookie is 256 random bits; the database has its SHA-256 alone. */
export class Sessions implements SessionResolver {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #idleSeconds: number;
  readonly #lifetimeSeconds: number;
  readonly #secure: boolean;

  /** @param secure - whether the public base is https, and so the cookie `Secure` */
  constructor(deps: { db: Queryable; clock: Clock; idleSeconds: number; lifetimeSeconds: number; secure: boolean }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#idleSeconds = deps.idleSeconds;
    this.#lifetimeSeconds = deps.lifetimeSeconds;
    this.#secure = deps.secure;
  }

  /**
   * Opens a session under a fresh id, whatever cookie the browser had before.
   * @returns the `Set-Cookie` value; undefined when the user is disabled
   */
  async open(request: SessionRequest): Promise<string | undefined> {
    return (await this.openIn(this.#db, request))?.setCookie;
  }

  /** As `open`, in the transaction of what hangs on the session. @returns also the digest that is its key */
  async openIn(
    tx: Queryable,
    { userId, ip, userAgent }: SessionRequest,
  ): Promise<{ setCookie: string; idDigest: Buffer } | undefined> {
    const id = randomToken();
    const idDigest = sha256(id);
    const createdAt = this.#clock.now();
    const isOpen = await insertSession(tx, {
      idDigest,
      userId,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + this.#lifetimeSeconds * 1000),
      ip,
      userAgent: userAgent?.slice(0, MAX_USER_AGENT_LENGTH),
    });
    return isOpen ? { setCookie: this.#setCookie(id, this.#lifetimeSeconds), idDigest } : undefined;
  }

  /** A session that a generated password opened is nobody's here: see `resolveAny`. */
  async resolve(cookieHeader: string | undefined): Promise<SignedInUser | undefined> {
    const found = await this.resolveAny(cookieHeader);
    return found?.mustChangePassword ? undefined : found?.user;
  }

  /** For the one page that a session with a generated password may use: where the user chooses another. */
  async resolveAny(cookieHeader: string | undefined): Promise<FoundSession | undefined> {
    const id = sessionIdOf(cookieHeader);
    if (!id) return undefined;
    return findSession(this.#db, { idDigest: sha256(id), ...this.#times() });
  }

  /** The live sessions of a user, the one seen last first. */
  listOf(userId: string, cookieHeader: string | undefined): Promise<BrowserSession[]> {
    const id = sessionIdOf(cookieHeader);
    const currentDigest = id === undefined ? undefined : sha256(id);
    return listSessionsOf(this.#db, { userId, currentDigest, ...this.#times() });
  }

  /** Ends one session of the user. @returns false when the user has no such session */
  endOne(session: { id: string; userId: string }, tx: Queryable = this.#db): Promise<boolean> {
    return deleteSessionOf(tx, session);
  }

  /** Ends every session of the user. @returns how many */
  endAllOf(userId: string, tx: Queryable = this.#db): Promise<number> {
    return deleteSessionsOf(tx, userId);
  }

  /** Ends the session of a cookie. @returns whose it was, and the `Set-Cookie` value that removes the cookie */
  async end(
    cookieHeader: string | undefined,
    tx: Queryable = this.#db,
  ): Promise<{ userId: string | undefined; setCookie: string }> {
    const id = sessionIdOf(cookieHeader);
    const userId = id ? await deleteSession(tx, sha256(id)) : undefined;
    return { userId, setCookie: this.#setCookie('', 0) };
  }

  deleteEnded(limit: number): Promise<number> {
    return deleteEndedSessions(this.#db, { ...this.#times(), limit });
  }

  #times(): { now: Date; idleSince: Date } {
    const now = this.#clock.now();
    return { now, idleSince: new Date(now.getTime() - this.#idleSeconds * 1000) };
  }

  #setCookie(value: string, maxAge: number): string {
    return stringifySetCookie(SESSION_COOKIE, value, {
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#secure,
      path: '/',
      maxAge,
    });
  }
}

/** The session id in a `Cookie` header when it has the form of one. */
export function sessionIdOf(cookieHeader: string | undefined): string | undefined {
  const value = parseCookie(cookieHeader ?? '')[SESSION_COOKIE];
  return value !== undefined && COOKIE_VALUE.test(value) ? value : undefined;
}
