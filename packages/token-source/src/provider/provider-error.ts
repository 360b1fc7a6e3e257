import { messageOf, TokenSourceError, type TokenSourceErrorCode } from '../errors.ts';
import { printable } from '../printable.ts';
import { requestIdOf } from './bounded-fetch.ts';

/** Refusals of a refresh token that no repetition changes: RFC 6749 §5.2, and the Codex CLI's own three (docs/protocol.md). */
const FINAL_REFUSALS = ['invalid_grant', 'refresh_token_expired', 'refresh_token_reused', 'refresh_token_invalidated'];

interface Refusal {
  readonly error: string;
  readonly description: string | undefined;
  readonly requestId: string | undefined;
}

/**
 * Puts what the OpenID library throws into words.
 * @param refused - the code for an answer in which the provider says no
 */
export async function providerError(
  error: unknown,
  { doing, refused }: { doing: string; refused: TokenSourceErrorCode },
): Promise<TokenSourceError> {
  const known = causes(error).find((each) => each instanceof TokenSourceError);
  if (known) return known;
  const refusal = await refusalOf(error);
  if (!refusal) {
    const reasons = [...new Set(causes(error).flatMap(describe))].join(': ');
    const message = `${doing}: the provider's answer is not acceptable (${reasons})`;
    return new TokenSourceError('provider_invalid', message, { cause: error });
  }
  const { requestId } = refusal;
  const words = refusal.description ? `${refusal.description} (${refusal.error})` : refusal.error;
  const isAboutTheRequest = refused === 'sign_in_again' && !FINAL_REFUSALS.includes(refusal.error);
  const code = isAboutTheRequest ? 'provider_invalid' : refused;
  return new TokenSourceError(code, `${doing}: ${words}`, { cause: error, requestId, providerCode: refusal.error });
}

/** The provider's own words: from an OAuth error body, from the form the Codex CLI understands, or from a callback's query. */
async function refusalOf(error: unknown): Promise<Refusal | undefined> {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('error' in error && typeof error.error === 'string') {
    const description = 'error_description' in error ? error.error_description : undefined;
    const answer = 'response' in error && error.response instanceof Response ? error.response : undefined;
    return refusal(error.error, description, answer);
  }
  const answer = [...causes(error), 'response' in error ? error.response : undefined].find(
    (each) => each instanceof Response,
  );
  if (!answer) return undefined;
  const body: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined);
  if (typeof body !== 'object' || body === null) return undefined;
  const { error: said, error_description: description } = body as Record<string, unknown>;
  if (typeof said === 'string') return refusal(said, description, answer);
  if (typeof said !== 'object' || said === null) return undefined;
  const { code, message } = said as Record<string, unknown>;
  return typeof code === 'string' ? refusal(code, message, answer) : undefined;
}

function refusal(error: string, description: unknown, answer: Response | undefined): Refusal {
  return {
    error: short(error),
    description: typeof description === 'string' && description !== '' ? short(description) : undefined,
    requestId: answer ? requestIdOf(answer) : undefined,
  };
}

const short = (text: string): string => printable(text).slice(0, 300);

/** The error and what caused it, outermost first. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let each = error; each !== undefined && each !== null && chain.length < 8; ) {
    chain.push(each);
    each = typeof each === 'object' && 'cause' in each ? each.cause : undefined;
  }
  return chain;
}

/** Errors only: a cause may also be the answer itself, or claims of a token. */
function describe(each: unknown): string[] {
  return typeof each === 'object' && each !== null && 'message' in each ? [short(messageOf(each))] : [];
}
