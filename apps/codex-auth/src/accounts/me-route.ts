import { type RequestHandler, Router } from 'express';
import { currentUser } from './current-user.ts';

/** `GET /api/me`: who the caller is. */
export function meRoutes({ withUser }: { withUser: RequestHandler }): Router {
  const router = Router();
  router.get('/api/me', withUser, (_req, res) => {
    const { userId, email, role } = currentUser(res);
    res.set('Cache-Control', 'no-store').json({ id: userId, email, role });
  });
  return router;
}
