import { type Html, html } from '../pages/html.ts';
import type { Page } from '../pages/pages.ts';
import type { UpstreamProblem } from './upstream-error.ts';
import type { UpstreamPerson } from './upstream-person.ts';
import type { RefusalReason, ReturnOutcome } from './upstream-sign-in.ts';

type Failure = Exclude<ReturnOutcome, { kind: 'signed_in' }>;

const TROUBLE: Readonly<Record<UpstreamProblem, { status: number; text: string }>> = {
  unavailable: { status: 503, text: 'does not answer. Try again in a moment.' },
  unusable: { status: 502, text: 'gave an answer that cannot be used. Tell whoever runs this server.' },
  mixed_up: {
    status: 400,
    text: 'was asked, but the answer is not provably its own, so it was not used. Start again.',
  },
  invalid_grant: { status: 400, text: 'does not know this sign-in any more. Start again.' },
  invalid_request: { status: 400, text: 'found something wrong with this sign-in. Start again.' },
};

/** What a person sees when signing in at a provider did not work. @param signInUrl - where to start again */
export function failurePage(failure: Failure, signInUrl: string): Page {
  const again = html`<p><a href="${signInUrl}">Sign in again</a></p>`;
  if (failure.kind === 'refused') return refusedPage(failure, again);
  const { status, text } = problemOf(failure);
  return { title: 'This did not work', status, body: html`<p class="problem" role="alert">${text}</p>${again}` };
}

function problemOf(failure: Exclude<Failure, { kind: 'refused' }>): { status: number; text: string } {
  if (failure.kind === 'not_on_the_way') {
    return { status: 400, text: 'This sign-in was used already, took too long, or began in another browser.' };
  }
  if (failure.kind === 'declined') {
    // The word of RFC 6749 §4.1.2.1 and no more: a page of ours says nothing that a link can put into its mouth.
    const code = /^[a-z_]{1,40}$/.test(failure.error) ? ` (${failure.error})` : '';
    return { status: 403, text: `${failure.displayName} did not sign you in${code}.` };
  }
  const { status, text } = TROUBLE[failure.problem];
  return { status, text: `${failure.displayName} ${text}` };
}

/** At the beginning of the way. */
export function troublePage(
  { problem, displayName }: { problem: UpstreamProblem; displayName: string },
  signInUrl: string,
): Page {
  return failurePage({ kind: 'trouble', problem, displayName, returnTo: undefined }, signInUrl);
}

const WHY: Readonly<Record<RefusalReason, string>> = {
  email_missing: 'It did not say which email address is yours.',
  email_unverified: 'It has not verified your email address.',
  not_on_the_list: 'This account is not among those that may use this server.',
  email_taken: 'There is an account with this address already, and it is not linked to this sign-in.',
  other_issuer: 'This account was made when another identity provider had this name.',
  disabled: 'This account is disabled here.',
  not_signed_in_again: 'You were asked to prove again who you are, and it did not ask you.',
};

function refusedPage(
  { why, person, displayName }: { why: RefusalReason; person: UpstreamPerson; displayName: string },
  again: Html,
): Page {
  const who = html`<p class="dim">${displayName}: ${person.email ?? 'no address'}, subject ${person.subject}</p>`;
  return {
    title: 'You are not signed in',
    status: 403,
    body: html`<p class="problem" role="alert">You signed in at ${displayName}, but this server does not let you in. ${WHY[why]}</p>
<p>An administrator of this server can change that, and needs to know this:</p>
${who}${again}`,
  };
}
