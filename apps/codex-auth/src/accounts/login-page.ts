import { type Html, html } from '../pages/html.ts';
import { formTargetsOf, type Page } from '../pages/pages.ts';
import { CSRF_FIELD } from './csrf.ts';

export interface LoginForm {
  readonly basePath: string;
  readonly csrfToken: string;
  readonly email: string;
  readonly returnTo: string | undefined;
  readonly problem?: string;
  readonly status?: number;
}

/** The page where people sign in. */
export function loginPage({ basePath, csrfToken, email, returnTo, problem, status = 200 }: LoginForm): Page {
  return {
    title: 'Sign in',
    status,
    formTargets: returnTo ? redirectTargets(returnTo) : [],
    body: html`${problem && problemText(problem)}
<form method="post" action="${basePath}/login">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
${returnTo && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<label>Email <input type="email" name="email" value="${email}" autocomplete="username" required maxlength="254"></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required maxlength="256"></label>
<button type="submit">Sign in</button>
</form>`,
  };
}

function problemText(problem: string): Html {
  return html`<p class="problem" role="alert">${problem}</p>`;
}

// Signing in for an authorization request ends, some redirects later, at the client.
function redirectTargets(returnTo: string): readonly string[] {
  const redirectUri = new URL(returnTo, 'http://here.invalid').searchParams.get('redirect_uri');
  return redirectUri === null ? [] : formTargetsOf(redirectUri);
}
