import { CSRF_FIELD } from '../accounts/csrf.ts';
import { html } from '../pages/html.ts';
import { formTargetsOf, type Page } from '../pages/pages.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import { powersOf } from './scopes.ts';

/** The page where a person lets a client in, or not. */
export function consentPage(
  { client, scope, redirectUri }: AuthorizationRequest,
  { basePath, csrfToken, email, query }: { basePath: string; csrfToken: string; email: string; query: string },
): Page {
  const name = client.clientName || client.clientId;
  return {
    title: `${name} asks for access`,
    formTargets: formTargetsOf(redirectUri),
    body: html`<p>You are signed in as <strong>${email}</strong>. <strong>${name}</strong> wants to:</p>
<ul>${powersOf({ clientId: client.clientId, scope }).map((power) => html`<li>${power}</li>`)}</ul>
<p class="dim">Afterwards you go to <code>${redirectUri}</code></p>
<form method="post" action="${basePath}/oauth/consent">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="request" value="${query}">
<div class="actions">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny" class="quiet">Deny</button>
</div>
</form>`,
  };
}
