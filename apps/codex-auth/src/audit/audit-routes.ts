import { type RequestHandler, Router } from 'express';
import type { AuditTrail } from './audit-log.ts';
import { listAuditRoute } from './list-audit-route.ts';

/** Everything below `/api/audit`. */
export function auditRoutes({ audit, withUser }: { audit: AuditTrail; withUser: RequestHandler }): Router {
  const router = Router();
  router.get('/api/audit', withUser, listAuditRoute({ audit }));
  return router;
}
