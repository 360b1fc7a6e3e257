/** What a script can tell from the exit code alone. */
export const ExitCode = {
  ok: 0,
  /** Refused by a server, or something here does not work; the message says what. */
  failure: 1,
  /** The command line is wrong, or something has to be added to it. */
  usage: 2,
  /** Nobody is signed in, or no longer: `codex-gateways login`. */
  notSignedIn: 3,
  /** A server does not answer, or answers "not now": try again. */
  notReachable: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
