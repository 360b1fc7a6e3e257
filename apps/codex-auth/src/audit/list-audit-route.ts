import { HttpError, pageLimit, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import type { AuditTrail } from './audit-log.ts';
import type { RecordedAuditEvent } from './audit-store.ts';

const text = z
  .string()
  .max(256)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII')
  .optional();

const querySchema = z.object({
  limit: pageLimit,
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the next_cursor of another page')
    .optional(),
  action: text,
  actor_user_id: text,
  subject_type: text,
  subject_id: text,
});

/** `GET /api/audit`: the trail, newest first, a page at a time; for administrators. */
export function listAuditRoute({ audit }: { audit: AuditTrail }): RequestHandler {
  return async (req, res) => {
    if (currentUser(res).role !== 'admin') {
      throw new HttpError(403, 'forbidden', 'the audit trail is for administrators');
    }
    const query = parseInput(querySchema, req.query);
    const { events, nextBeforeId } = await audit.page({
      beforeId: query.cursor,
      limit: query.limit,
      action: query.action,
      actorUserId: query.actor_user_id,
      subjectType: query.subject_type,
      subjectId: query.subject_id,
    });
    res.set('Cache-Control', 'no-store').json({ events: events.map(toWire), next_cursor: nextBeforeId ?? null });
  };
}

function toWire(event: RecordedAuditEvent) {
  return {
    id: event.id,
    occurred_at: event.occurredAt.toISOString(),
    action: event.action,
    actor_user_id: event.actorUserId ?? null,
    subject_type: event.subjectType,
    subject_id: event.subjectId,
    ip: event.ip ?? null,
    request_id: event.requestId ?? null,
    details: event.details ?? {},
  };
}
