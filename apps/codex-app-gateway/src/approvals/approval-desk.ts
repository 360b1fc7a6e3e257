import { isJsonObject, type JsonObject } from '../guard/json-object.ts';
import { APPROVAL_METHODS, APPROVAL_NAME } from './approval-methods.ts';
import { ClientAnswers } from './client-answers.ts';

/** Who answers when an app-server asks for approval: the client, or this gateway, always in the same way. */
export type ApprovalPolicy = 'client' | 'accept' | 'deny';

export type ApprovalDecision = 'asked_client' | 'accepted' | 'denied';

/** Learns of each request for approval. */
export interface ApprovalObserver {
  approval(method: string, decision: ApprovalDecision): void;
}

/** Looks for requests for approval in what an app-server says to one client, and for what that client answers. */
export interface ApprovalDesk {
  /** @returns the answer of this gateway, for the app-server; undefined for a frame that goes to the client */
  answer(frame: Buffer): string | undefined;
  /** @param frame - of the client, on its way to the app-server; it is only read */
  clientSaid(frame: Buffer): void;
}

/** Where requests for approval are written down; it knows whose connection it is. */
export interface ApprovalLog {
  info(fields: object, message: string): void;
}

export interface ApprovalDeskDeps {
  readonly policy: ApprovalPolicy;
  readonly observer: ApprovalObserver;
  readonly log: ApprovalLog;
}

// An app-server writes the id and the method of a request before its parameters (docs/protocol.md), so a look at the beginning of a
// frame is enough to tell that it is none.
const LOOKED_AT_BYTES = 256;
const MARK = Buffer.from('pproval"');
/** How far a look for the mark may go on when this byte is where its last one would be (Horspool). */
const SKIP_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const before = MARK.subarray(0, -1).lastIndexOf(byte);
  return MARK.length - 1 - before;
});
// Names that nobody knows are counted as one.
const UNKNOWN_METHOD = 'unknown';
const METHOD_NOT_FOUND = -32601;

/** Every request for approval and every answer is written down, without what it is about: command lines and paths are the client's own. */
export function createApprovalDesk({ policy, observer, log }: ApprovalDeskDeps): ApprovalDesk {
  const answers = new ClientAnswers<Question>();
  return {
    answer(frame) {
      const request = approvalRequestOf(frame);
      if (!request) return undefined;
      const { answer, decision } = decide(request, policy);
      const { method } = request;
      observer.approval(APPROVAL_METHODS.has(method) ? method : UNKNOWN_METHOD, decision);
      const turn = turnOf(request);
      log.info({ event: 'approval', method, decision, ...turn }, 'approval requested');
      if (answer === undefined) answers.asked({ id: request.id, method, turn });
      return answer;
    },
    clientSaid(frame) {
      const heard = answers.heard(frame);
      if (!heard) return;
      const { question, decision, answer } = heard;
      log.info({ event: 'approval', method: question.method, decision, answer, ...question.turn }, 'approval answered');
    },
  };
}

/** What a client has been asked, without what it is about. */
interface Question {
  readonly id: string | number;
  readonly method: string;
  readonly turn: object;
}

interface ApprovalRequest {
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject;
}

function turnOf({ params }: ApprovalRequest): object {
  return { thread_id: params.threadId ?? params.conversationId, turn_id: params.turnId };
}

function approvalRequestOf(frame: Buffer): ApprovalRequest | undefined {
  if (!hasMark(frame)) return undefined;
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

/** Looks at one byte of eight of most frames, and copies none. */
function hasMark(frame: Buffer): boolean {
  const end = Math.min(frame.length, LOOKED_AT_BYTES);
  for (let last = MARK.length - 1; last < end; last += SKIP_OF_BYTE[frame[last] as number] as number) {
    let matching = MARK.length - 1;
    while (matching >= 0 && frame[last - (MARK.length - 1 - matching)] === MARK[matching]) matching -= 1;
    if (matching < 0) return true;
  }
  return false;
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
