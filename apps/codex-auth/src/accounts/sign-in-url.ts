/**
 * Where a person without a session goes to sign in.
 * @param path - of ours, without the issuer's own path: where the person goes back to
 * @param fresh - whether to sign in again in spite of a session
 */
export type SignInUrl = (path: string, options?: { fresh?: boolean; loginHint?: string | undefined }) => string;

/** @param loginRedirectUrl - of a product that signs people in for us; it gets an absolute `return_to` */
export function createSignInUrl({
  issuer,
  loginRedirectUrl,
}: {
  issuer: string;
  loginRedirectUrl: string | undefined;
}): SignInUrl {
  const basePath = new URL(issuer).pathname.replace(/\/+$/, '');
  return (path, { fresh = false, loginHint } = {}) => {
    const isOwn = loginRedirectUrl === undefined;
    const parameters = new URLSearchParams({ return_to: (isOwn ? basePath : issuer) + path });
    if (fresh) parameters.set('prompt', 'login');
    if (loginHint !== undefined) parameters.set('login_hint', loginHint);
    return `${isOwn ? `${basePath}/login` : loginRedirectUrl}?${parameters}`;
  };
}
