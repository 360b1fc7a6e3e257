import type { Logger } from '@codex-gateways/service';
import { isJsonObject, type JsonObject } from '../guard/json-object.ts';
import { APPROVAL_METHODS, APPROVAL_NAME } from './approval-methods.ts';

/** Who answers when an app-server asks for approval: the client, or this gateway, always in the same way. */
export type ApprovalPolicy = 'client' | 'accept' | 'deny';

export type ApprovalDecision = 'asked_client' | 'accepted' | 'denied';

/** Learns of each request for approval. */
export interface ApprovalObserver {
  approval(method: string, decision: ApprovalDecision): void;
}

/** Looks for requests for approval in what an app-server says to one client. */
export interface ApprovalDesk {
  /** @returns the answer of this gateway, for the app-server; undefined for a frame that goes to the client */
  answer(frame: Buffer): string | undefined;
}

export interface ApprovalDeskDeps {
  readonly policy: ApprovalPolicy;
  readonly observer: ApprovalObserver;
  /** Knows whose connection it is. */
  readonly log: Logger;
}

// An app-server writes the id and the method of a request before its parameters (docs/protocol.md), so a look at the beginning of a
// frame is enough to tell that it is none.
const LOOKED_AT_BYTES = 256;
const MARK = 'pproval"';
// Names that nobody knows are counted as one.
const UNKNOWN_METHOD = 'unknown';
const METHOD_NOT_FOUND = -32601;

/** Every request for approval is written down, without what it is about: command lines and paths are the client's own. */
export function createApprovalDesk({ policy, observer, log }: ApprovalDeskDeps): ApprovalDesk {
  return {
    answer(frame) {
      const request = approvalRequestOf(frame);
      if (!request) return undefined;
      const { answer, decision } = decide(request, policy);
      const { method, params } = request;
      observer.approval(APPROVAL_METHODS.has(method) ? method : UNKNOWN_METHOD, decision);
      const turn = { thread_id: params.threadId ?? params.conversationId, turn_id: params.turnId };
      log.info({ event: 'approval', method, decision, ...turn }, 'approval requested');
      return answer;
    },
  };
}

interface ApprovalRequest {
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject;
}

function approvalRequestOf(frame: Buffer): ApprovalRequest | undefined {
  if (!frame.toString('latin1', 0, LOOKED_AT_BYTES).includes(MARK)) return undefined;
  try {
    const message: unknown = JSON.parse(frame.toString('utf8'));
    if (!isJsonObject(message)) return undefined;
    const { id, method, params } = message;
    if ((typeof id !== 'string' && typeof id !== 'number') || typeof method !== 'string') return undefined;
    return APPROVAL_NAME.test(method) ? { id, method, params: isJsonObject(params) ? params : {} } : undefined;
  } catch {
    return undefined; // not ours to mend
  }
}

/** What nobody here knows how to accept is the client's to answer; to deny it an error will do. */
function decide(
  { id, method, params }: ApprovalRequest,
  policy: ApprovalPolicy,
): { answer: string | undefined; decision: ApprovalDecision } {
  const answers = APPROVAL_METHODS.get(method);
  if (policy === 'deny') {
    const error = { code: METHOD_NOT_FOUND, message: 'this gateway denies all approvals' };
    return {
      answer: JSON.stringify({ id, ...(answers ? { result: answers.decline() } : { error }) }),
      decision: 'denied',
    };
  }
  if (policy === 'accept' && answers) {
    return { answer: JSON.stringify({ id, result: answers.accept(params) }), decision: 'accepted' };
  }
  return { answer: undefined, decision: 'asked_client' };
}
