import { Router } from 'express';
import { html } from '../pages/html.ts';
import type { Pages } from '../pages/pages.ts';
import { CSRF_FIELD, type CsrfGuard } from './csrf.ts';
import type { SessionResolver } from './session-resolver.ts';

/** `GET /`: what this is, for a person who opens the base URL. */
export function homeRoutes({
  pages,
  csrf,
  sessions,
  issuer,
}: {
  pages: Pages;
  csrf: CsrfGuard;
  sessions: SessionResolver;
  issuer: string;
}): Router {
  const router = Router();
  router.get('/', async (req, res) => {
    const user = await sessions.resolve(req.headers.cookie);
    const { basePath } = pages;
    const signedIn =
      user &&
      html`<p>You are signed in as <strong>${user.email}</strong>.</p>
<p><a href="${basePath}/codex/device">Enter a code from a device</a></p>
<form method="post" action="${basePath}/logout">
<input type="hidden" name="${CSRF_FIELD}" value="${csrf.fieldFor(req, res)}">
<button type="submit" class="quiet">Sign out</button>
</form>`;
    pages.send(res, {
      title: 'Sign-in for Codex',
      body: html`<p>This server signs people and machines in to a self-hosted Codex.</p>
${signedIn || html`<p><a href="${basePath}/login">Sign in</a></p>`}
<p class="dim">From a terminal: <code>codex login --device-auth --experimental_issuer ${issuer}</code></p>`,
    });
  });
  return router;
}
