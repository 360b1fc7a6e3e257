import { CSRF_FIELD } from '../accounts/csrf.ts';
import { html } from '../pages/html.ts';
import type { Page } from '../pages/pages.ts';
import type { PendingLogin } from './device-code-store.ts';

interface Form {
  readonly basePath: string;
  readonly csrfToken: string;
}

/** Where a person types the code that a device shows. */
export function codePage({
  basePath,
  csrfToken,
  email,
  userCode,
  problem,
}: Form & { email: string; userCode: string; problem?: string }): Page {
  return {
    title: 'Connect a device',
    status: problem ? 400 : 200,
    body: html`${problem && html`<p class="problem" role="alert">${problem}</p>`}
<p>You are signed in as <strong>${email}</strong>. Enter the code that your terminal shows.</p>
<form method="post" action="${basePath}/codex/device">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<label>Code <input class="code" name="user_code" value="${userCode}" autocomplete="off" autocapitalize="characters"
 spellcheck="false" required maxlength="20" placeholder="XXXX-XXXX"></label>
<button type="submit">Continue</button>
</form>`,
  };
}

/** Who asks, from where and since when; approving someone else's code would sign them in as you (RFC 8628 §5.4). */
export function confirmPage(
  login: PendingLogin,
  { basePath, csrfToken, userCode, clientName }: Form & { userCode: string; clientName: string },
): Page {
  return {
    title: `Sign ${clientName} in?`,
    body: html`<p>Approve only if you have just started this login yourself and your terminal shows the code
<code>${userCode}</code>. Whoever sent you a code could use your account.</p>
<dl>
<dt>Program</dt><dd>${clientName}</dd>
<dt>Address</dt><dd>${login.ip ?? 'unknown'}</dd>
<dt>Described as</dt><dd>${login.userAgent ?? 'unknown'}</dd>
<dt>Started</dt><dd><time datetime="${login.createdAt.toISOString()}">${timeText(login.createdAt)}</time></dd>
</dl>
<form method="post" action="${basePath}/codex/device">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="user_code" value="${userCode}">
<div class="actions">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny" class="quiet">Deny</button>
</div>
</form>`,
  };
}

export function decidedPage(status: 'approved' | 'denied'): Page {
  return status === 'approved'
    ? {
        title: 'Device approved',
        body: html`<p role="status">You can close this page and go back to your terminal.</p>`,
      }
    : {
        title: 'Device denied',
        body: html`<p role="status">The device was not signed in. You can close this page.</p>`,
      };
}

function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
