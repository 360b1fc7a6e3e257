import { CSRF_FIELD } from '../accounts/csrf.ts';
import type { BrowserSession } from '../accounts/sessions.ts';
import type { UserGrant } from '../oauth/user-grants.ts';
import { type Html, html } from '../pages/html.ts';
import type { Page } from '../pages/pages.ts';
import type { RemoteSession } from '../remote-sessions/remote-sessions.ts';
import type { SignedInPlaces } from './user-access.ts';

interface Form {
  readonly basePath: string;
  readonly csrfToken: string;
}

/** Where a person sees and ends the sign-ins of the account. */
export function accountPage({
  email,
  places,
  remoteSessions,
  hasPasswords,
  ...form
}: Form & {
  email: string;
  places: SignedInPlaces;
  remoteSessions: readonly RemoteSession[];
  /** Whether people have passwords here. */
  hasPasswords: boolean;
}): Page {
  const { basePath, csrfToken } = form;
  return {
    title: 'Your account',
    body: html`<p>You are signed in as <strong>${email}</strong>.
${hasPasswords && html`<a href="${basePath}/account/password">Change the password</a>`}</p>
<h2>Browsers</h2>
<ul class="places">${places.sessions.map((session) => sessionItem(session, form))}</ul>
<h2>Devices and programs</h2>
${places.devices.length === 0 && html`<p class="dim">None.</p>`}
<ul class="places">${places.devices.map((device) => deviceItem(device, form))}</ul>
${
  remoteSessions.length > 0 &&
  html`<h2>Connected now with codex --remote</h2>
<ul class="places">${remoteSessions.map(remoteSessionItem)}</ul>`
}
<form method="post" action="${basePath}/account/sign-out-everywhere">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<button type="submit">Sign out everywhere</button>
</form>`,
  };
}

function sessionItem(session: BrowserSession, form: Form): Html {
  return html`<li>${session.userAgent ?? 'An unknown browser'}
<br><span class="dim">${session.ip ?? 'unknown address'}, since ${timeOf(session.createdAt)}, last seen ${timeOf(session.lastSeenAt)}</span>
${session.isCurrent ? html`<br><span class="dim">This browser</span>` : endForm(session.id, form)}</li>`;
}

function deviceItem(device: UserGrant, form: Form): Html {
  return html`<li>${device.clientName}
${device.userAgent !== undefined && html`<br><span class="dim">${device.userAgent}</span>`}
<br><span class="dim">${device.ip ?? 'unknown address'}, since ${timeOf(device.createdAt)}, last used ${timeOf(device.lastUsedAt)}</span>
${endForm(device.id, form)}</li>`;
}

/** Ends with its token, not here. */
function remoteSessionItem({ clientName, clientVersion, workspaceId, ip, openedAt }: RemoteSession): Html {
  return html`<li>${clientName ?? 'An unknown client'} ${clientVersion ?? ''}
<br><span class="dim">${ip ?? 'unknown address'}, since ${timeOf(openedAt)}, workspace ${workspaceId}</span></li>`;
}

function endForm(id: string, { basePath, csrfToken }: Form): Html {
  return html`<form method="post" action="${basePath}/account/sessions/end">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="id" value="${id}">
<button type="submit" class="quiet">Sign out</button>
</form>`;
}

function timeOf(time: Date): Html {
  const iso = time.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}
