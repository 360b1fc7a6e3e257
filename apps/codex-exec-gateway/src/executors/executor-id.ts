import { randomUUID } from 'node:crypto';

const EXECUTOR_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a text can be an executor's id at all. Ours are `exe_<uuid>`; rows of another installation may differ. */
export function isExecutorId(text: unknown): text is string {
  return typeof text === 'string' && EXECUTOR_ID.test(text);
}

export function mintExecutorId(): string {
  return `exe_${randomUUID()}`;
}
