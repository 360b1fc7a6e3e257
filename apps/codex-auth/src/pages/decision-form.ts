import { CSRF_FIELD } from '../accounts/csrf.ts';
import { type Html, html } from './html.ts';

/** Where a person approves something or denies it: `decision` is `approve` or `deny`. @param about - the field that says what */
export function decisionForm({
  action,
  csrfToken,
  about,
}: {
  action: string;
  csrfToken: string;
  about: { name: string; value: string };
}): Html {
  return html`<form method="post" action="${action}">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="${about.name}" value="${about.value}">
<div class="actions">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny" class="quiet">Deny</button>
</div>
</form>`;
}
