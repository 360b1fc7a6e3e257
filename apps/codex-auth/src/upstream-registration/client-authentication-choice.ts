import type { TokenEndpointAuthMethod } from './upstream-client.ts';

/** What an upstream says about client authentication; undefined for one without metadata. */
export type AdvertisedMethods =
  | { readonly tokenEndpointAuthMethods: readonly string[]; readonly hasS256: boolean }
  | undefined;

const WITH_SECRET = ['client_secret_basic', 'client_secret_post'] as const;

/**
 * How a client that is to be registered will prove itself: with a secret where that is possible, in the header rather than in the
 * body. As a public client only where the upstream says that it checks PKCE with S256, since nothing else would then bind
 * a code to whoever asked for it.
 * @returns undefined when there is no way that both sides have
 */
export function chooseAuthMethod(advertised: AdvertisedMethods): TokenEndpointAuthMethod | undefined {
  if (!advertised) return 'client_secret_basic';
  const withSecret = authMethodWithSecret(advertised);
  if (withSecret) return withSecret;
  return isUsable('none', advertised) ? 'none' : undefined;
}

/** The same for a client that has a secret already. */
export function authMethodWithSecret(advertised: AdvertisedMethods): TokenEndpointAuthMethod | undefined {
  if (!advertised) return 'client_secret_basic';
  return WITH_SECRET.find((method) => advertised.tokenEndpointAuthMethods.includes(method));
}

/** Whether a method that the upstream settled on is one that this server has, and may use there. */
export function isUsable(method: string, advertised: AdvertisedMethods): method is TokenEndpointAuthMethod {
  if (method === 'none') return (advertised?.hasS256 && advertised.tokenEndpointAuthMethods.includes('none')) ?? false;
  return (WITH_SECRET as readonly string[]).includes(method);
}
