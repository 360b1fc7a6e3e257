import { z } from 'zod';
import type { AdmissionRule, SecretSources, UpstreamCommon, UpstreamConfig } from './upstream-config.ts';
import { type UpstreamEntry, upstreamSchema } from './upstream-schema.ts';

const MAX_UPSTREAMS = 20;

/**
 * Reads `CODEX_AUTH_UPSTREAMS`.
 * @param issuer - of this server, to which redirect URIs belong
 * @throws {TypeError} naming the entry and the member that is wrong, never a value
 */
export function parseUpstreams(
  text: string,
  { issuer, secrets }: { issuer: string; secrets: SecretSources },
): readonly UpstreamConfig[] {
  const entries = z.array(z.unknown()).max(MAX_UPSTREAMS).safeParse(parseJson(text));
  if (!entries.success) throw new TypeError(`must be a JSON array of at most ${MAX_UPSTREAMS} upstreams`);
  const upstreams = entries.data.map((entry, index) => {
    const parsed = upstreamSchema.safeParse(entry);
    if (!parsed.success) throw new TypeError(`entry ${index + 1}: ${problemsOf(parsed.error)}`);
    const fail = (problem: string): never => {
      throw new TypeError(`entry ${index + 1} (${parsed.data.name}): ${problem}`);
    };
    return toUpstream(parsed.data, { issuer, secrets, fail });
  });
  const names = upstreams.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new TypeError('has two upstreams of the same name');
  return upstreams;
}

interface EntryContext {
  readonly issuer: string;
  readonly secrets: SecretSources;
  fail(problem: string): never;
}

function toUpstream(entry: UpstreamEntry, context: EntryContext): UpstreamConfig {
  const { fail, issuer } = context;
  const redirectUri = entry.redirect_uri ?? `${issuer}/oauth/callback`;
  const ownRedirectUri = `${issuer}/oauth/callback/${entry.name}`;
  if (redirectUri !== ownRedirectUri && redirectUri !== `${issuer}/oauth/callback`) {
    fail(`redirect_uri must be {issuer}/oauth/callback or {issuer}/oauth/callback/${entry.name}`);
  }
  const { email_verified: emailVerified, ...claims } = entry.type === 'oidc' ? entry.claims : entry.userinfo;
  const shared: UpstreamCommon = {
    name: entry.name,
    displayName: entry.display_name ?? entry.name,
    ...clientOf(entry, context),
    tokenEndpointAuthMethod: entry.token_endpoint_auth_method,
    scopes: entry.scopes,
    redirectUri,
    hasOwnRedirectUri: redirectUri === ownRedirectUri,
    authorizationParameters: entry.authorization_parameters,
    claims: { ...claims, emailVerified },
    assumeEmailVerified: entry.assume_email_verified,
    admission: admissionOf(entry, context),
  };
  if (entry.type === 'oidc') return { ...shared, type: 'oidc', issuer: entry.issuer };
  const { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint } = entry;
  if (!entry.issuer && !(authorizationEndpoint && tokenEndpoint)) {
    fail('needs authorization_endpoint and token_endpoint, or an issuer with metadata');
  }
  return {
    ...{ ...shared, type: 'oauth2', issuer: entry.issuer, authorizationEndpoint, tokenEndpoint },
    userinfoEndpoint: entry.userinfo_endpoint,
  };
}

function clientOf(entry: UpstreamEntry, { secrets, fail }: EntryContext) {
  const secret = secretIn(entry, 'client_secret', { secrets, fail });
  const { client_id: clientId, token_endpoint_auth_method: method, registration } = entry;
  if (clientId === undefined) {
    if (!entry.issuer && !registration?.registration_endpoint) {
      fail('needs a client_id: without an issuer or a registration_endpoint there is nowhere to register');
    }
    if (secret !== undefined || method !== undefined) fail('has a client secret or its method without a client_id');
    const initialAccessToken = registration && secretIn(registration, 'initial_access_token', { secrets, fail });
    const registrationEndpoint = registration?.registration_endpoint;
    return { clientId, clientSecret: undefined, registration: { initialAccessToken, registrationEndpoint } };
  }
  if (registration) fail('has both a client_id and a registration');
  if ((method === 'none') === (secret !== undefined) && method !== undefined) {
    fail('needs a client secret exactly when token_endpoint_auth_method is not none');
  }
  return { clientId, clientSecret: secret, registration: undefined };
}

// Fails closed: a provider that anybody can join, forgotten in the configuration, would let anybody in.
function admissionOf(entry: UpstreamEntry, { fail }: EntryContext): AdmissionRule {
  const { allowed_email_domains: emailDomains, allowed_groups: groups, allow_anyone: anyone = false } = entry;
  const isRestricted = emailDomains !== undefined || groups !== undefined;
  if (isRestricted === anyone) fail('needs either allow_anyone: true, or allowed_email_domains or allowed_groups');
  return { anyone, emailDomains: emailDomains ?? [], groups: groups ?? [] };
}

function secretIn(
  holder: object,
  name: 'client_secret' | 'initial_access_token',
  { secrets, fail }: Pick<EntryContext, 'secrets' | 'fail'>,
): string | undefined {
  const members: Record<string, unknown> = { ...holder };
  const variable = members[`${name}_env`];
  const path = members[`${name}_file`];
  if (variable !== undefined && path !== undefined) fail(`has both ${name}_env and ${name}_file`);
  if (typeof variable === 'string') {
    return secrets.variable(variable) ?? fail(`the variable that ${name}_env names is not set`);
  }
  if (typeof path !== 'string') return undefined;
  const secret = readSecret(path, secrets) ?? fail(`the file that ${name}_file names cannot be read`);
  return secret === '' ? fail(`the file that ${name}_file names is empty`) : secret;
}

function readSecret(path: string, secrets: SecretSources): string | undefined {
  try {
    return secrets.file(path).trim();
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError('is not JSON');
  }
}

function problemsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.map(String).join('.') || 'it'}: ${issue.message}`).join('; ');
}
