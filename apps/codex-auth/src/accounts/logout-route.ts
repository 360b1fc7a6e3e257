import { type RequestHandler, Router } from 'express';
import type { AuditLog } from '../audit/audit-log.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Pages } from '../pages/pages.ts';
import { CSRF_FIELD, type CsrfGuard } from './csrf.ts';
import { formField } from './form-body.ts';
import type { Sessions } from './sessions.ts';

export interface LogoutRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly localSessions: Pick<Sessions, 'end'>;
  /** Undefined where nobody has a password of this server. */
  readonly signIn: object | undefined;
  readonly audit: AuditLog;
  readonly formBody: RequestHandler;
}

/** `POST /logout`: ends the session and shows the sign-in page. */
export function logoutRoutes({ pages, csrf, localSessions, signIn, audit, formBody }: LogoutRouteDeps): Router {
  // A sign-in page without passwords may go straight to an identity provider, which would sign the person in again.
  const next = `${pages.basePath}/${signIn ? 'login' : ''}`;
  const router = Router();
  router.post('/logout', formBody, async (req, res) => {
    csrf.check(req, formField(req, CSRF_FIELD));
    const { userId, setCookie } = await localSessions.end(req.headers.cookie);
    if (userId) {
      const subject = { actorUserId: userId, subjectType: 'user', subjectId: userId };
      await audit.record({ action: 'session.ended', ...subject, ...requestOrigin(req) });
    }
    res.append('Set-Cookie', setCookie).redirect(303, next);
  });
  return router;
}
