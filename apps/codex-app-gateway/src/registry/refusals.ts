/** Why an app-server does not reach its executor, as the exec-gateway or this gateway says it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What is counted by its own name; a code that nobody here knows is counted as one of the others. */
const REFUSAL_CODES = [
  'executor_offline',
  'generation_mismatch',
  'not_in_workspace',
  'executor_not_found',
  'turn_revoked',
  'exec_gateway_unreachable',
] as const;

export const REVOKED: Refusal = {
  status: 401,
  code: 'turn_revoked',
  message: 'access to it was revoked; leave this session and connect again to go on',
};

export const UNREACHABLE: Refusal = {
  status: 503,
  code: 'exec_gateway_unreachable',
  message: 'the exec-gateway, to which it is connected, does not answer; try again in a moment',
};

/** What the CLI does not say of a refusal, in words for the person who waits for the executor. */
export function noticeOf({ message }: Refusal, exeId: string): string {
  return `No command can run on executor ${exeId}: ${message}`;
}

export function refusalLabel(code: string): string {
  return (REFUSAL_CODES as readonly string[]).includes(code) ? code : 'other';
}
