/** Who runs a client: `native` on a person's own machine, `web` on a server (OpenID Connect Registration §2). */
export type ApplicationType = 'native' | 'web';

const MAX_LENGTH = 2000;
/** What RFC 3986 permits in a URI, but `#`, and `*`, which some servers take for a wildcard. */
const CHARACTERS = /^[A-Za-z0-9\-._~:/?[\]@!$&'()+,;=%]+$/;
const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9]\d{0,4})?(?:\/|$)/;
/** A reversed domain name, so with a dot: no scheme that browsers act on has one (RFC 8252 §7.1). */
const PRIVATE_USE = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:\/(?:\/[a-z0-9.-]*)?/;

/**
 * Whether a client may register a redirect URI: `https`, and for native clients `http` on loopback (RFC 8252 §7.3) or a
 * private-use scheme (§7.1). No fragment, user, or wildcard; written as a browser would write it, so that nobody who reads it, a person on
 * the consent page included, takes it for another address.
 * @returns what is wrong with it; undefined when nothing is
 */
export function redirectUriProblem(uri: string, applicationType: ApplicationType | undefined): string | undefined {
  if (uri.length > MAX_LENGTH) return `may have ${MAX_LENGTH} characters at most`;
  if (uri.includes('#')) return 'may not have a fragment';
  if (uri.includes('*')) return 'may not have wildcards';
  if (!CHARACTERS.test(uri) || /%(?![0-9A-Fa-f]{2})/.test(uri)) return 'has characters that a URI may not have';
  if (!URL.canParse(uri)) return 'must be an absolute URI';
  if (authorityOf(uri).includes('@')) return 'may not name a user';
  if (!isCanonical(uri)) return 'must be written in its normal form';
  if (uri.startsWith('https://')) return undefined;
  const isLoopback = LOOPBACK.test(uri);
  if (!isLoopback && !PRIVATE_USE.test(uri)) return 'must be https, http on loopback, or of a private-use scheme';
  return applicationType === 'web' ? 'must be https for a web application' : undefined;
}

function authorityOf(uri: string): string {
  return /^[^:]*:\/\/([^/?]*)/.exec(uri)?.[1] ?? '';
}

// A default port is dropped by the URL parser and is harmless on loopback, where any port counts as the registered one.
function isCanonical(uri: string): boolean {
  const { href } = new URL(uri);
  return href === uri || href === `${uri}/` || href === uri.replace(/^(http:\/\/[^/]*):80(?=\/|$)/, '$1');
}
