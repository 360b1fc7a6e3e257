import * as oauth from 'oauth4webapi';
import type { OAuthClient } from './oauth-client.ts';
import { formOf, type WebSession } from './web-session.ts';

const http = { [oauth.allowInsecureRequests]: true };

export async function discover(url: string): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(url);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http));
}

/** A code flow as the library guides a client through it; the person's part is done over the pages. */
export async function codeFlow(
  person: OAuthClient,
  as: oauth.AuthorizationServer,
  { client, clientAuth, redirectUri }: { client: oauth.Client; clientAuth: oauth.ClientAuth; redirectUri: string },
): Promise<oauth.TokenEndpointResponse> {
  const codeVerifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const url = new URL(as.authorization_endpoint ?? '');
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const web = await person.signedIn();
  const first = await web.get(url.pathname + url.search);
  const answer = first.status === 200 ? await approve(web, await first.text()) : first;
  const callback = oauth.validateAuthResponse(as, client, new URL(answer.headers.get('location') ?? ''), state);
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    clientAuth,
    callback,
    redirectUri,
    codeVerifier,
    http,
  );
  return oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
}

/** Has the signed-in person say yes on a page. */
export function approve(web: WebSession, page: string): Promise<Response> {
  const { action, hidden } = formOf(page);
  return web.post(action, { ...hidden, decision: 'approve' });
}
