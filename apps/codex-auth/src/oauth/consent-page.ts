import { decisionForm } from '../pages/decision-form.ts';
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
${decisionForm({ action: `${basePath}/oauth/consent`, csrfToken, about: { name: 'request', value: query } })}`,
  };
}
