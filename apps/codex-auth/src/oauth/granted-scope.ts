import type { OAuthClient } from './clients.ts';
import { OAuthError } from './oauth-error.ts';

/** What a request without `scope` means (RFC 6749 §3.3): what the CLI's device login needs, and no more. */
const DEFAULT_SCOPE = 'openid profile email offline_access';
const SCOPE_FORM = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const MAX_LENGTH = 1000;

/**
 * The scope that a client gets for what it asks: unknown ones are left out, as RFC 6749 §3.3 permits, since newer CLIs may
 * ask for more than this server knows; the answer says what was granted.
 * @throws {OAuthError} invalid_scope: malformed, or nothing is left
 */
export function grantedScope(client: OAuthClient, requested: string | undefined): string {
  const permitted = new Set(client.scope.split(' '));
  const granted = scopesIn(requested ?? DEFAULT_SCOPE).filter((scope) => permitted.has(scope));
  if (granted.length === 0) throw new OAuthError('invalid_scope', 'the client may have none of these scopes');
  return granted.join(' ');
}

/**
 * The narrower scope that a refresh asks for, each once; undefined when it asks for none.
 * @throws {OAuthError} invalid_scope: malformed
 */
export function narrowerScope(requested: string | undefined): string | undefined {
  return requested === undefined ? undefined : scopesIn(requested).join(' ');
}

function scopesIn(text: string): string[] {
  if (text.length > MAX_LENGTH || !SCOPE_FORM.test(text)) throw new OAuthError('invalid_scope', 'scope is malformed');
  return [...new Set(text.split(' '))];
}

/** Whether every scope of `part` is in `whole`. */
export function isWithin(part: string, whole: string): boolean {
  const scopes = new Set(whole.split(' '));
  return part.split(' ').every((scope) => scopes.has(scope));
}
