import { constantTimeEqual, randomToken, sha256 } from '@codex-gateways/crypto';
import { HttpError } from '@codex-gateways/service';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';
import { isSameOrigin } from './same-origin.ts';
import { sessionIdOf } from './sessions.ts';

/** The hidden field of every form. */
export const CSRF_FIELD = 'csrf_token';

const COOKIE_VALUE = /^[A-Za-z0-9_-]{43}$/;

/**
 * Guards forms against posts from other sites: a hidden field that only a page of ours can know, derived from a cookie of
 * its own and from the session, so that a planted cookie is worth nothing once a person is signed in; and the origin of
 * the request, where the browser tells it.
 */
export class CsrfGuard {
  readonly #issuer: string;
  readonly #secure: boolean;
  readonly #cookieName: string;

  constructor({ issuer }: { issuer: string }) {
    this.#issuer = issuer;
    this.#secure = issuer.startsWith('https:');
    this.#cookieName = this.#secure ? '__Host-codex_csrf' : 'codex_csrf';
  }

  /** The value for the hidden field of a page that is about to be sent. */
  fieldFor(req: Request, res: Response): string {
    const seed = this.#seedOf(req) ?? randomToken();
    const cookie = { httpOnly: true, sameSite: 'lax', secure: this.#secure, path: '/' } as const;
    res.append('Set-Cookie', stringifySetCookie(this.#cookieName, seed, cookie));
    return fieldOf(seed, req);
  }

  /** @throws {HttpError} 403 when the form was not one of ours, or is of an earlier session */
  check(req: Request, field: string | undefined): void {
    const seed = this.#seedOf(req);
    const isOurs = isSameOrigin(req, this.#issuer) && seed !== undefined && field !== undefined;
    if (!isOurs || !constantTimeEqual(field, fieldOf(seed, req))) {
      throw new HttpError(403, 'csrf', 'this form is out of date; go back, load the page again and repeat it');
    }
  }

  #seedOf(req: Request): string | undefined {
    const value = parseCookie(req.headers.cookie ?? '')[this.#cookieName];
    return value !== undefined && COOKIE_VALUE.test(value) ? value : undefined;
  }
}

function fieldOf(seed: string, req: Request): string {
  return sha256(`csrf\0${seed}\0${sessionIdOf(req.headers.cookie) ?? ''}`).toString('base64url');
}
