import { html } from '../pages/html.ts';
import { formTargetsOf, type Page } from '../pages/pages.ts';
import { CSRF_FIELD } from './csrf.ts';

export interface PasswordForm {
  readonly basePath: string;
  readonly csrfToken: string;
  readonly returnTo: string | undefined;
  /** Whether the person signed in with a generated password, and goes nowhere before it is replaced. */
  readonly mustChange: boolean;
  readonly minPasswordLength: number;
  readonly problem?: string;
}

/** Where people choose another password. */
export function passwordPage({
  basePath,
  csrfToken,
  returnTo,
  mustChange,
  minPasswordLength,
  problem,
}: PasswordForm): Page {
  return {
    title: 'Change the password',
    status: problem ? 400 : 200,
    formTargets: returnTo ? redirectTargets(returnTo) : [],
    body: html`${problem && html`<p class="problem" role="alert">${problem}</p>`}
${mustChange && html`<p>Your password was made by an administrator. Choose one of your own to go on.</p>`}
<form method="post" action="${basePath}/account/password">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
${returnTo && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<label>Current password <input type="password" name="current_password" autocomplete="current-password" required maxlength="256"></label>
<label>New password <input type="password" name="new_password" autocomplete="new-password" required
 minlength="${minPasswordLength}" maxlength="256"></label>
<label>New password again <input type="password" name="new_password_again" autocomplete="new-password" required
 maxlength="256"></label>
<button type="submit">Change password</button>
</form>
<p class="dim">Other browsers are signed out. Devices and programs stay signed in.</p>`,
  };
}

// As at the sign-in page: choosing a password may be a step of an authorization request, which ends at the client.
function redirectTargets(returnTo: string): readonly string[] {
  const redirectUri = new URL(returnTo, 'http://here.invalid').searchParams.get('redirect_uri');
  return redirectUri === null ? [] : formTargetsOf(redirectUri);
}
