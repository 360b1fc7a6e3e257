import { type Html, html } from '../pages/html.ts';
import { formTargetsOf, type Page } from '../pages/pages.ts';
import { CSRF_FIELD } from './csrf.ts';

/** An identity provider that a person may sign in with. */
export interface UpstreamChoice {
  readonly name: string;
  readonly displayName: string;
}

export interface LoginForm {
  readonly basePath: string;
  readonly csrfToken: string;
  readonly email: string;
  readonly returnTo: string | undefined;
  /** Whether people have passwords here. */
  readonly hasPasswords: boolean;
  readonly upstreams: readonly UpstreamChoice[];
  /** Whether to prove it again at an identity provider. */
  readonly fresh?: boolean;
  readonly problem?: string;
  readonly status?: number;
}

/** The page where people sign in. */
export function loginPage(form: LoginForm): Page {
  const { returnTo, problem, status = 200 } = form;
  return {
    title: 'Sign in',
    status,
    formTargets: returnTo ? redirectTargets(returnTo) : [],
    body: html`${problem && problemText(problem)}
${form.upstreams.map((upstream) => upstreamLink(upstream, form))}
${form.hasPasswords && passwordForm(form)}`,
  };
}

function passwordForm({ basePath, csrfToken, email, returnTo, upstreams }: LoginForm): Html {
  return html`${upstreams.length > 0 && html`<p class="dim">or with a password of this server</p>`}
<form method="post" action="${basePath}/login">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
${returnTo && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<label>Email <input type="email" name="email" value="${email}" autocomplete="username" required maxlength="254"></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required maxlength="256"></label>
<button type="submit">Sign in</button>
</form>`;
}

// A link and no form: a browser would apply the page's form-action to the redirect that follows.
function upstreamLink({ name, displayName }: UpstreamChoice, { basePath, ...form }: LoginForm): Html {
  return html`<p><a class="button" href="${upstreamUrl(name, { basePath, ...form })}">Sign in with ${displayName}</a></p>`;
}

/** Where the way to an identity provider begins. */
export function upstreamUrl(
  name: string,
  { basePath, returnTo, email, fresh }: Pick<LoginForm, 'basePath' | 'returnTo' | 'email' | 'fresh'>,
): string {
  const query = new URLSearchParams({
    ...(returnTo ? { return_to: returnTo } : {}),
    ...(email === '' ? {} : { login_hint: email }),
    ...(fresh ? { prompt: 'login' } : {}),
  }).toString();
  return `${basePath}/login/upstream/${name}${query === '' ? '' : `?${query}`}`;
}

function problemText(problem: string): Html {
  return html`<p class="problem" role="alert">${problem}</p>`;
}

// Signing in for an authorization request ends, some redirects later, at the client.
function redirectTargets(returnTo: string): readonly string[] {
  const redirectUri = new URL(returnTo, 'http://here.invalid').searchParams.get('redirect_uri');
  return redirectUri === null ? [] : formTargetsOf(redirectUri);
}
