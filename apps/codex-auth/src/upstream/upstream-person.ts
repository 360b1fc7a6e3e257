import type { AdmissionRule, ClaimsMapping } from './upstream-config.ts';

/** What an identity provider says about somebody who signed in there. */
export interface UpstreamPerson {
  /** Who it is, for good, at this provider. */
  readonly subject: string;
  readonly email: string | undefined;
  readonly emailIsVerified: boolean;
  readonly displayName: string;
  readonly groups: readonly string[];
  /** When the person proved who they are there, if the provider says so. */
  readonly authenticatedAt: Date | undefined;
}

/** Claims of an ID token, or an answer of a userinfo endpoint. */
export type Claims = Readonly<Record<string, unknown>>;

const EMAIL = /^[^\s@\p{Cc}\p{Cs}]{1,64}@[^\s@\p{Cc}\p{Cs}]{1,189}$/u;
const MAX_GROUPS = 2000;
const MAX_NAME_LENGTH = 100;
/** The end of the year 9999. */
const MAX_EPOCH_SECONDS = 253_402_300_799;

/**
 * Reads a person out of what a provider said.
 * @param sources - the ID token's claims first; an address and the word about it are of one source
 * @returns undefined without a subject that can be kept
 */
export function personOf(
  sources: readonly Claims[],
  { claims, assumeEmailVerified }: { claims: ClaimsMapping; assumeEmailVerified: boolean },
): UpstreamPerson | undefined {
  const subject = subjectOf(at(sources[0] ?? {}, claims.subject));
  if (subject === undefined) return undefined;
  const addresses = sources.flatMap((source) => {
    const email = at(source, claims.email);
    if (typeof email !== 'string' || email.length > 254 || !EMAIL.test(email)) return [];
    return [{ email, verified: at(source, claims.emailVerified) }];
  });
  const address = addresses.find(({ verified }) => verified !== undefined) ?? addresses[0];
  const first = (path: string) => sources.map((source) => at(source, path)).find((value) => value !== undefined);
  return {
    subject,
    email: address?.email,
    emailIsVerified: address !== undefined && isVerified(address.verified, assumeEmailVerified),
    displayName: lineOf(first(claims.name)),
    groups: groupsOf(first(claims.groups)),
    authenticatedAt: timeOf(sources[0]?.auth_time),
  };
}

/** A NumericDate (RFC 7519 §2) as a time that a database keeps. */
function timeOf(seconds: unknown): Date | undefined {
  if (typeof seconds !== 'number' || seconds < 0 || seconds > MAX_EPOCH_SECONDS) return undefined;
  return new Date(seconds * 1000);
}

/** Whether a claim is there at all, so that nobody else has to be asked. */
export function hasClaim(source: Claims, path: string): boolean {
  return at(source, path) !== undefined;
}

export type Admission = { readonly kind: 'admitted' } | { readonly kind: 'refused'; readonly why: RefusedBecause };
export type RefusedBecause = 'email_missing' | 'email_unverified' | 'not_on_the_list';

/** Whether the rule of a provider lets somebody in. An address counts when the provider has verified it, and only then. */
export function admit(person: UpstreamPerson, rule: AdmissionRule): Admission {
  if (person.email === undefined) return { kind: 'refused', why: 'email_missing' };
  if (!person.emailIsVerified) return { kind: 'refused', why: 'email_unverified' };
  const domain = person.email.slice(person.email.lastIndexOf('@') + 1).toLowerCase();
  const isIn =
    rule.anyone || rule.emailDomains.includes(domain) || person.groups.some((group) => rule.groups.includes(group));
  return isIn ? { kind: 'admitted' } : { kind: 'refused', why: 'not_on_the_list' };
}

// Own members alone: a provider cannot name what every object inherits. Whole names first: some are URLs, and have dots.
function at(source: Claims, path: string): unknown {
  let value: unknown = source;
  for (const name of Object.hasOwn(source, path) ? [path] : path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value ?? undefined;
}

function subjectOf(value: unknown): string | undefined {
  // Providers without OpenID Connect often count their users.
  const text = Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text) ? text : undefined;
}

// Some providers say it in words.
function isVerified(verified: unknown, assumeEmailVerified: boolean): boolean {
  return verified === undefined ? assumeEmailVerified : verified === true || verified === 'true';
}

function lineOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  const line = value.slice(0, MAX_NAME_LENGTH * 4).replace(/[\p{Cc}\p{Cs}]/gu, ' ');
  return line
    .trim()
    .slice(0, MAX_NAME_LENGTH)
    .replace(/\p{Cs}/gu, '');
}

function groupsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.slice(0, MAX_GROUPS).filter((group) => typeof group === 'string') : [];
}
