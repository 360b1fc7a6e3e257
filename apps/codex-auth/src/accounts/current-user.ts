import type { Response } from 'express';

/** Who makes an `/api/*` request, established by a session cookie or an access token. */
export interface CurrentUser {
  readonly userId: string;
  readonly email: string;
  readonly role: 'admin' | 'member';
  readonly via: 'session' | 'access_token';
}

/** The user that `requireUser` found. @throws {TypeError} on a route that lacks it */
export function currentUser(res: Response): CurrentUser {
  const user: unknown = res.locals.currentUser;
  if (!user) throw new TypeError('a route that reads the current user needs requireUser before it');
  return user as CurrentUser;
}

/** Called by `requireUser` alone. */
export function setCurrentUser(res: Response, user: CurrentUser): void {
  res.locals.currentUser = user;
}
