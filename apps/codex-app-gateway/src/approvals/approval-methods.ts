import { isJsonObject, type JsonObject } from '../guard/json-object.ts';

/** The results that answer a request for approval. */
export interface ApprovalAnswers {
  accept(params: JsonObject): JsonObject;
  decline(): JsonObject;
}

const decision = (accept: string, decline: string): ApprovalAnswers => ({
  accept: () => ({ decision: accept }),
  decline: () => ({ decision: decline }),
});

/** The one request that is answered with what is granted, rather than with a word. */
export const PERMISSIONS_METHOD = 'item/permissions/requestApproval';

/**
 * What an app-server asks its client to approve (0.140.0 and 0.169.0; a test compares it with the schema of the real CLI), and how
 * it is answered for this once. The two without a slash are those of an older generation.
 */
export const APPROVAL_METHODS: ReadonlyMap<string, ApprovalAnswers> = new Map([
  ['item/commandExecution/requestApproval', decision('accept', 'decline')],
  ['item/fileChange/requestApproval', decision('accept', 'decline')],
  [
    PERMISSIONS_METHOD,
    {
      accept: ({ permissions }) => ({ permissions: isJsonObject(permissions) ? permissions : {}, scope: 'turn' }),
      decline: () => ({ permissions: {}, scope: 'turn' }),
    },
  ],
  // 0.140 has no other way to decline that 0.169 has too.
  ['execCommandApproval', decision('approved', 'abort')],
  ['applyPatchApproval', decision('approved', 'abort')],
]);

/**
 * The words of clients' answers, and what they mean (same versions, same test). A client may answer with an object instead, which has the
 * word as its one key; for the words of network policies the action that is in there decides.
 */
export const APPROVAL_ANSWERS: ReadonlyMap<string, 'accepted' | 'declined' | 'as_its_action'> = new Map([
  ['accept', 'accepted'],
  ['acceptForSession', 'accepted'],
  ['acceptWithExecpolicyAmendment', 'accepted'],
  ['applyNetworkPolicyAmendment', 'as_its_action'],
  ['decline', 'declined'],
  ['cancel', 'declined'],
  ['approved', 'accepted'],
  ['approved_execpolicy_amendment', 'accepted'],
  ['approved_for_session', 'accepted'],
  ['approved_mcp_policy_amendment', 'accepted'],
  ['network_policy_amendment', 'as_its_action'],
  ['denied', 'declined'],
  ['timed_out', 'declined'],
  ['abort', 'declined'],
]);

/** A request whose name says that it is for approval, also when it is in no table here. */
export const APPROVAL_NAME = /approval$/i;
