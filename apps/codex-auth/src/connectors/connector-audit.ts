import type { AuditEvent } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';

/** The entry of the audit trail for what a person did to a connector. */
export function connectorEvent(
  what: 'added' | 'removed',
  { exeId, workspaceId, userId, origin }: { exeId: string; workspaceId: string; userId: string; origin: RequestOrigin },
): AuditEvent {
  return {
    action: `connector.${what}`,
    actorUserId: userId,
    subjectType: 'connector',
    subjectId: exeId,
    ...origin,
    details: { workspace_id: workspaceId },
  };
}
