import { TokenSourceError, type TokenSourceErrorCode } from '@codex-gateways/token-source';
import { ExitCode } from './exit-code.ts';

/** An expected failure, in words for the person. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly requestId: string | undefined;

  /** @param code - for programs, as `--json` shows it */
  constructor(
    readonly exitCode: ExitCode,
    readonly code: string,
    message: string,
    { cause, requestId }: { cause?: unknown; requestId?: string | undefined } = {},
  ) {
    super(message, { cause });
    this.requestId = requestId;
  }
}

export const usageError = (message: string): CliError => new CliError(ExitCode.usage, 'usage', message);

const EXIT_CODE_OF: Partial<Record<TokenSourceErrorCode, ExitCode>> = {
  not_signed_in: ExitCode.notSignedIn,
  sign_in_again: ExitCode.notSignedIn,
  provider_unreachable: ExitCode.notReachable,
};

/** The same failure in this program's words; undefined for a bug. */
export function asCliError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (!(error instanceof TokenSourceError)) return undefined;
  const { code, message, requestId } = error;
  const advice = code === 'sign_in_again' ? '; run "codex-gateways login"' : '';
  return new CliError(EXIT_CODE_OF[code] ?? ExitCode.failure, code, message + advice, { cause: error, requestId });
}
