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

/**
 * What an app-server asks its client to approve (0.140.0 and 0.169.0; a test compares it with the schema of the real CLI), and how
 * it is answered for this once. The two without a slash are those of an older generation.
 */
export const APPROVAL_METHODS: ReadonlyMap<string, ApprovalAnswers> = new Map([
  ['item/commandExecution/requestApproval', decision('accept', 'decline')],
  ['item/fileChange/requestApproval', decision('accept', 'decline')],
  [
    'item/permissions/requestApproval',
    {
      accept: ({ permissions }) => ({ permissions: isJsonObject(permissions) ? permissions : {}, scope: 'turn' }),
      decline: () => ({ permissions: {}, scope: 'turn' }),
    },
  ],
  // 0.140 has no other way to decline that 0.169 has too.
  ['execCommandApproval', decision('approved', 'abort')],
  ['applyPatchApproval', decision('approved', 'abort')],
]);

/** A request whose name says that it is for approval, also when it is in no table here. */
export const APPROVAL_NAME = /approval$/i;
