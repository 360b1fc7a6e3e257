import { HttpError } from '@codex-gateways/service';
import { isCodeChallenge } from '@codex-gateways/tokens';
import { type Clients, isRedirectUriOf, type OAuthClient } from './clients.ts';
import { grantedScope } from './granted-scope.ts';
import { OAuthError } from './oauth-error.ts';

/** Where an authorization request is answered: only a target that has been checked may be redirected to. */
export interface AuthorizationTarget {
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly state: string | undefined;
}

/** What a client asks a person for (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1). */
export interface AuthorizationRequest extends AuthorizationTarget {
  readonly scope: string;
  readonly codeChallenge: string;
  readonly nonce: string | undefined;
  readonly prompts: ReadonlySet<string>;
  readonly maxAgeSeconds: number | undefined;
  readonly loginHint: string | undefined;
}

const MAX_QUERY_LENGTH = 4096;
const MAX_OPAQUE_LENGTH = 1024;
const PROMPTS = new Set(['none', 'login', 'consent', 'select_account']);

/**
 * Checks client and redirect URI. What is wrong with them is for the person to see, never for a redirect (RFC 6749
 * §4.1.2.1).
 * @throws {HttpError} 400
 */
export async function parseTarget(
  query: URLSearchParams,
  clients: Pick<Clients, 'find'>,
): Promise<AuthorizationTarget> {
  if (query.toString().length > MAX_QUERY_LENGTH)
    throw new HttpError(400, 'invalid_request', 'the request is too long');
  const clientId = onlyValue(query, 'client_id');
  const client = clientId === undefined ? undefined : await clients.find(clientId);
  if (!client) throw new HttpError(400, 'invalid_client', 'the program that sent you here is not known to this server');
  const redirectUri = onlyValue(query, 'redirect_uri');
  if (redirectUri === undefined || !isRedirectUriOf(client, redirectUri)) {
    const message = 'the program that sent you here asked to be answered at an address that is not registered for it';
    throw new HttpError(400, 'invalid_redirect_uri', message);
  }
  return { client, redirectUri, state: onlyValue(query, 'state') };
}

/** Checks the rest. @throws {OAuthError} for the client, by redirect */
export function parseAuthorizationRequest(query: URLSearchParams, target: AuthorizationTarget): AuthorizationRequest {
  refuseUnfit(query);
  const { client } = target;
  if (!client.grantTypes.includes('authorization_code')) {
    throw new OAuthError('unauthorized_client', 'the client may not use authorization codes');
  }
  const responseType = onlyValue(query, 'response_type');
  if (responseType === undefined) throw new OAuthError('invalid_request', 'response_type is required');
  if (responseType !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code');
  if ((onlyValue(query, 'response_mode') ?? 'query') !== 'query') {
    throw new OAuthError('invalid_request', 'response_mode must be query');
  }
  const codeChallenge = onlyValue(query, 'code_challenge');
  // Without a method the challenge would be plain (RFC 7636 §4.3), which protects nobody.
  if (codeChallenge === undefined || onlyValue(query, 'code_challenge_method') !== 'S256') {
    throw new OAuthError('invalid_request', 'code_challenge with code_challenge_method S256 is required');
  }
  if (!isCodeChallenge(codeChallenge)) throw new OAuthError('invalid_request', 'code_challenge is malformed');
  return {
    ...target,
    scope: grantedScope(client, onlyValue(query, 'scope')),
    codeChallenge,
    nonce: onlyValue(query, 'nonce'),
    prompts: parsePrompts(onlyValue(query, 'prompt')),
    maxAgeSeconds: parseMaxAge(onlyValue(query, 'max_age')),
    loginHint: onlyValue(query, 'login_hint'),
  };
}

function refuseUnfit(query: URLSearchParams): void {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) {
    throw new OAuthError('invalid_request', 'a parameter may appear only once');
  }
  if (query.has('request')) throw new OAuthError('request_not_supported', 'request objects are not supported');
  if (query.has('request_uri')) throw new OAuthError('request_uri_not_supported', 'request_uri is not supported');
  for (const name of ['state', 'nonce', 'login_hint']) {
    const value = query.get(name) ?? '';
    if (value.length > MAX_OPAQUE_LENGTH || value.includes('\0')) {
      throw new OAuthError('invalid_request', `${name} is malformed`);
    }
  }
}

function parsePrompts(text: string | undefined): ReadonlySet<string> {
  const prompts = new Set(text?.split(' ').filter((prompt) => PROMPTS.has(prompt)));
  if (prompts.has('none') && prompts.size > 1) throw new OAuthError('invalid_request', 'prompt none stands alone');
  return prompts;
}

function parseMaxAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new OAuthError('invalid_request', 'max_age is malformed');
  return Number(text);
}

/** The value of a parameter that appears once and is not empty. */
function onlyValue(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  return value === '' || more.length > 0 ? undefined : value;
}
