import type { BreakerState } from './circuit-breaker.ts';

/** On whose behalf a connection is made. */
export interface Caller {
  readonly workspaceId: string;
  /** Absent with break-glass tokens, which name a workspace only. */
  readonly userId?: string;
}

export type AuthenticationOutcome =
  | { readonly kind: 'authenticated'; readonly caller: Caller }
  | { readonly kind: 'unauthorized' };

/** Decides whom a bearer stands for. The seam between "who may connect" and everything else in this service. */
export interface Authenticator {
  /**
   * @param token - as it came in the Authorization header
   * @param headers - that whoever is asked gets too: the ids of the request, where the running code is not part of it
   * @throws {ServiceUnavailableError} when nobody could be asked: the caller may try again, nothing is wrong with the token
   */
  authenticate(token: string, headers?: Readonly<Record<string, string>>): Promise<AuthenticationOutcome>;
  /** Rejects when `authenticate` could not work now. */
  checkReady(): Promise<void>;
  /** Whether whoever knows is being asked; absent where nobody is asked. */
  breakerState?(): BreakerState;
  close(): Promise<void>;
}

/** Longer bearers are refused unread; the longest valid one, a break-glass token, is far below. */
export const MAX_BEARER_LENGTH = 1024;

// What an id may be here: it goes into tokens, headers, environment variables and, encoded, into a folder name.
const CALLER_ID = /^[A-Za-z0-9._:@-]{1,128}$/;

/** Whether a user or workspace id is of a form that can be passed on safely. */
export function isCallerId(id: unknown): id is string {
  return typeof id === 'string' && CALLER_ID.test(id);
}
