import { createHmac } from 'node:crypto';
import { randomToken, sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { parseCookie, stringifySetCookie } from 'cookie';
import {
  deleteExpiredAuthorizations,
  insertAuthorization,
  type StoredAuthorization,
  takeAuthorization,
} from './upstream-authorization-store.ts';
import type { AuthorizationSecrets } from './upstream-provider.ts';

/** 256 random bits in base64url: a state, or the value of the cookie. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Somebody who is back from a provider. */
export interface ReturnedSignIn extends StoredAuthorization {
  readonly secrets: AuthorizationSecrets;
}

/**
 * People on their way to a provider and back. A state is good once, for minutes, in the browser that set out, which a cookie of
 * its own proves. Nonce and code verifier are derived from both, so the database keeps nothing that an answer could be redeemed with.
 */
export class PendingSignIns {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #lifetimeSeconds: number;
  readonly #secure: boolean;
  readonly #cookieName: string;

  /** @param secure - whether the public base is https, and so the cookie of this host alone */
  constructor(deps: { db: Queryable; clock: Clock; lifetimeSeconds: number; secure: boolean }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#lifetimeSeconds = deps.lifetimeSeconds;
    this.#secure = deps.secure;
    this.#cookieName = deps.secure ? '__Host-codex_upstream' : 'codex_upstream';
  }

  /** What to set out with: nothing is kept before `begin`. A browser that is already on the way, in another tab, keeps its cookie. */
  prepare(cookieHeader: string | undefined): { secrets: AuthorizationSecrets; browser: string } {
    const browser = this.#browserOf(cookieHeader) ?? randomToken();
    return { secrets: secretsOf(randomToken(), browser), browser };
  }

  /** @returns the `Set-Cookie` value */
  async begin(
    { secrets, browser }: { secrets: AuthorizationSecrets; browser: string },
    journey: { provider: string; returnTo: string | undefined; isFresh: boolean },
  ): Promise<string> {
    const createdAt = this.#clock.now();
    await insertAuthorization(this.#db, {
      ...journey,
      stateDigest: sha256(secrets.state),
      browserDigest: sha256(browser),
      createdAt,
      expiresAt: new Date(createdAt.getTime() + this.#lifetimeSeconds * 1000),
    });
    // Lax: the way back is a navigation from another site.
    return stringifySetCookie(this.#cookieName, browser, {
      ...{ httpOnly: true, sameSite: 'lax', secure: this.#secure, path: '/', maxAge: this.#lifetimeSeconds },
    });
  }

  /** Ends one journey. @returns undefined for a state that is unknown, used, too old, or another browser's */
  async take({
    state,
    cookieHeader,
  }: {
    state: string;
    cookieHeader: string | undefined;
  }): Promise<ReturnedSignIn | undefined> {
    const browser = this.#browserOf(cookieHeader);
    if (browser === undefined || !TOKEN.test(state)) return undefined;
    const digests = { stateDigest: sha256(state), browserDigest: sha256(browser) };
    const taken = await takeAuthorization(this.#db, { ...digests, now: this.#clock.now() });
    return taken && { ...taken, secrets: secretsOf(state, browser) };
  }

  deleteExpired(limit: number): Promise<number> {
    return deleteExpiredAuthorizations(this.#db, { now: this.#clock.now(), limit });
  }

  #browserOf(cookieHeader: string | undefined): string | undefined {
    const value = parseCookie(cookieHeader ?? '')[this.#cookieName];
    return value !== undefined && TOKEN.test(value) ? value : undefined;
  }
}

function secretsOf(state: string, browser: string): AuthorizationSecrets {
  const derive = (what: string) => createHmac('sha256', browser).update(`${what}\0${state}`).digest('base64url');
  return { state, nonce: derive('nonce'), codeVerifier: derive('code_verifier') };
}
