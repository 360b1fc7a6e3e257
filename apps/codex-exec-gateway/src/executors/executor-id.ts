import { randomUUID } from 'node:crypto';

const EXECUTOR_ID = /^[A-Za-z0-9_-]{1,128}$/;
const MINTED_EXECUTOR_ID = /^exe_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text can be an executor's id at all. Ours are `exe_<uuid>`; rows of another installation may differ. */
export function isExecutorId(text: unknown): text is string {
  return typeof text === 'string' && EXECUTOR_ID.test(text);
}

/** Whether a caller may choose this id for a new executor: the form of ours, so that ids stay unguessable and unique. */
export function isMintedExecutorId(text: string): boolean {
  return MINTED_EXECUTOR_ID.test(text);
}

export function mintExecutorId(): string {
  return `exe_${randomUUID()}`;
}
