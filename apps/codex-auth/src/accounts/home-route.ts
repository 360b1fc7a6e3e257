import { Router } from 'express';
import { type Html, html } from '../pages/html.ts';
import type { Pages } from '../pages/pages.ts';
import { CSRF_FIELD, type CsrfGuard } from './csrf.ts';
import type { SessionResolver } from './session-resolver.ts';
import type { SignInUrl } from './sign-in-url.ts';

export interface HomeRouteDeps {
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly sessions: SessionResolver;
  readonly signInUrl: SignInUrl;
  readonly issuer: string;
  /** Whether sessions are opened and ended here. */
  readonly ownSessions: boolean;
}

/** `GET /`: what this is, for a person who opens the base URL. */
export function homeRoutes({ pages, csrf, sessions, signInUrl, issuer, ownSessions }: HomeRouteDeps): Router {
  const router = Router();
  const { basePath } = pages;
  router.get('/', async (req, res) => {
    const user = await sessions.resolve(req.headers.cookie);
    const signedIn =
      user &&
      html`<p>You are signed in as <strong>${user.email}</strong>.</p>
<p><a href="${basePath}/codex/device">Enter a code from a device</a></p>
<p><a href="${basePath}/account">Your account</a></p>
${ownSessions && signOutForm(basePath, csrf.fieldFor(req, res))}`;
    pages.send(res, {
      title: 'Sign-in for Codex',
      body: html`<p>This server signs people and machines in to a self-hosted Codex.</p>
${signedIn || html`<p><a href="${signInUrl('/')}">Sign in</a></p>`}
<p class="dim">From a terminal: <code>codex login --device-auth --experimental_issuer ${issuer}</code></p>`,
    });
  });
  return router;
}

function signOutForm(basePath: string, csrfToken: string): Html {
  return html`<form method="post" action="${basePath}/logout">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<button type="submit" class="quiet">Sign out</button>
</form>`;
}
