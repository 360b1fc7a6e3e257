import { CSRF_FIELD } from '../accounts/csrf.ts';
import { powersOf } from '../oauth/scopes.ts';
import { decisionForm } from '../pages/decision-form.ts';
import { type Html, html } from '../pages/html.ts';
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
<p>It wants to:</p>
<ul>${powersOf(login).map((power) => html`<li>${power}</li>`)}</ul>
${decisionForm({ action: `${basePath}/codex/device`, csrfToken, about: { name: 'user_code', value: userCode } })}`,
  };
}

/** @param issuer - of this server, for what the CLI has to be told beside the login */
export function decidedPage(status: 'approved' | 'denied', issuer: string): Page {
  return status === 'approved'
    ? {
        title: 'Device approved',
        body: html`<p role="status">You can close this page and go back to your terminal.</p>
${whatTheCliNeeds(issuer)}`,
      }
    : {
        title: 'Device denied',
        body: html`<p role="status">The device was not signed in. You can close this page.</p>`,
      };
}

// What each generation does with a login of another issuer than the vendor's (docs/protocol.md).
function whatTheCliNeeds(issuer: string): Html {
  return html`<p>If this was the Codex CLI, <code>codex --version</code> says which it is. In the environment of each later start it needs:</p>
<dl>
<dt>0.169 and later</dt>
<dd>Nothing to stay signed in; <code>CODEX_REVOKE_TOKEN_URL_OVERRIDE=${issuer}/oauth/revoke</code> for <code>codex logout</code></dd>
<dt>before 0.169</dt>
<dd><code>CODEX_REFRESH_TOKEN_URL_OVERRIDE=${issuer}/oauth/token</code> to stay signed in, and to log out</dd>
<dt>0.142 to 0.147</dt>
<dd>The same; executors of these versions use this login, since they cannot use an Agent Identity here</dd>
</dl>`;
}

function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
