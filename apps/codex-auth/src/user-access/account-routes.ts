import { type RequestHandler, Router } from 'express';
import { CSRF_FIELD, type CsrfGuard } from '../accounts/csrf.ts';
import { formField } from '../accounts/form-body.ts';
import type { SessionResolver } from '../accounts/session-resolver.ts';
import type { SignInUrl } from '../accounts/sign-in-url.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import type { RemoteSessions } from '../remote-sessions/remote-sessions.ts';
import { accountPage } from './account-page.ts';
import { sessionId } from './session-routes.ts';
import type { UserAccess } from './user-access.ts';

export interface AccountRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly sessions: SessionResolver;
  readonly signInUrl: SignInUrl;
  readonly access: UserAccess;
  readonly remoteSessions: Pick<RemoteSessions, 'list'>;
  /** Whether people have passwords here. */
  readonly hasPasswords: boolean;
  readonly formBody: RequestHandler;
}

const OWN_AND_OPEN = { workspaceId: undefined, includeEnded: false };

/** `GET /account`, `POST /account/sessions/end`, `POST /account/sign-out-everywhere`. */
export function accountRoutes(deps: AccountRouteDeps): Router {
  const { pages, csrf, sessions, signInUrl, access, formBody, hasPasswords } = deps;
  const router = Router();
  const { basePath } = pages;
  router.get('/account', async (req, res) => {
    const user = await sessions.resolve(req.headers.cookie);
    if (!user) {
      res.redirect(303, signInUrl('/account'));
      return;
    }
    const places = await access.placesOf(user.userId, req.headers.cookie);
    const remoteSessions = await deps.remoteSessions.list({ userId: user.userId, role: 'member' }, OWN_AND_OPEN);
    const csrfToken = csrf.fieldFor(req, res);
    pages.send(res, accountPage({ basePath, csrfToken, email: user.email, places, remoteSessions, hasPasswords }));
  });
  router.post('/account/sessions/end', formBody, async (req, res) => {
    csrf.check(req, formField(req, CSRF_FIELD));
    const user = await sessions.resolve(req.headers.cookie);
    const id = sessionId(formField(req, 'id'));
    if (user) await access.end({ id, userId: user.userId, origin: requestOrigin(req) });
    res.redirect(303, user ? `${basePath}/account` : signInUrl('/account'));
  });
  router.post('/account/sign-out-everywhere', formBody, async (req, res) => {
    csrf.check(req, formField(req, CSRF_FIELD));
    const user = await sessions.resolve(req.headers.cookie);
    if (user) await access.endAll({ userId: user.userId, origin: requestOrigin(req) });
    res.redirect(303, signInUrl('/account'));
  });
  return router;
}
