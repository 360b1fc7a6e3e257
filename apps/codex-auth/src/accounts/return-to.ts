const MAX_LENGTH = 8192;

/**
 * The path of our own to which a person goes back after signing in. Anything that a browser would take elsewhere is
 * dropped: another origin in any spelling, another scheme, an overlong text (open redirect).
 * @returns a path with its query, beginning with exactly one slash; undefined when there is none that may be followed
 */
export function localReturnTo(returnTo: string | undefined): string | undefined {
  if (!returnTo?.startsWith('/') || returnTo.length > MAX_LENGTH) return undefined;
  const base = 'http://here.invalid';
  if (!URL.canParse(returnTo, base)) return undefined;
  const url = new URL(returnTo, base);
  const path = url.pathname + url.search;
  // A pathname may itself begin with two slashes ("/.//evil.example"), which a Location header would take for a host.
  return url.origin === base && !path.startsWith('//') ? path : undefined;
}
