import { z } from 'zod';
import { isSecureUrl } from './secure-url.ts';

/** What a request to the authorization endpoint has from this server. */
const OWN_PARAMETERS =
  /^(client_id|redirect_uri|response_type|response_mode|scope|state|nonce|code_challenge(_method)?|request(_uri)?)$/;

const secureUrl = z
  .string()
  .max(2048)
  .refine((text) => isSecureUrl(text), 'must be an https URL (http is for loopback only)');
const word = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^[^\s\p{Cc}\p{Cs}]+$/u, 'must be one word');
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, 'must be a scope (RFC 6749 §3.3)');
const domain = z
  .string()
  .max(190)
  .regex(/^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a domain such as example.com')
  .transform((text) => text.toLowerCase());
const claim = z
  .string()
  .max(200)
  .regex(/^[^.\s]+(\.[^.\s]+)*$/, "must be a member's name, or names joined by dots");
const secretOf = (name: string) => ({
  [`${name}_env`]: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of a variable')
    .optional(),
  [`${name}_file`]: z.string().min(1).max(4096).optional(),
});

const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and hyphen'),
  display_name: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must be one line')
    .optional(),
  client_id: word(512).optional(),
  client_secret_env: secretOf('client_secret').client_secret_env,
  client_secret_file: secretOf('client_secret').client_secret_file,
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
  redirect_uri: z.string().max(2048).optional(),
  authorization_parameters: z
    .record(z.string().min(1).max(100), z.string().max(1000))
    .refine((each) => !Object.keys(each).some((name) => OWN_PARAMETERS.test(name)), 'may not replace what OAuth needs')
    .default({}),
  assume_email_verified: z.boolean().default(false),
  allowed_email_domains: z.array(domain).min(1).max(100).optional(),
  allowed_groups: z.array(z.string().min(1).max(256)).min(1).max(1000).optional(),
  allow_anyone: z.literal(true).optional(),
  registration: z
    .strictObject({
      initial_access_token_env: secretOf('initial_access_token').initial_access_token_env,
      initial_access_token_file: secretOf('initial_access_token').initial_access_token_file,
      registration_endpoint: secureUrl.optional(),
    })
    .optional(),
};
const mapping = z
  .strictObject({
    subject: claim.default('sub'),
    email: claim.default('email'),
    email_verified: claim.default('email_verified'),
    name: claim.default('name'),
    groups: claim.default('groups'),
  })
  .prefault({});

/** One entry of `CODEX_AUTH_UPSTREAMS`. */
export const upstreamSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.literal('oidc'),
    issuer: secureUrl,
    scopes: z
      .array(scope)
      .min(1)
      .max(50)
      .refine((scopes) => scopes.includes('openid'), 'must include openid')
      .default(['openid', 'email', 'profile']),
    claims: mapping.refine(({ subject }) => subject === 'sub', 'subject is always sub in OpenID Connect'),
  }),
  z.strictObject({
    ...common,
    type: z.literal('oauth2'),
    issuer: secureUrl.optional(),
    authorization_endpoint: secureUrl.optional(),
    token_endpoint: secureUrl.optional(),
    userinfo_endpoint: secureUrl,
    scopes: z.array(scope).max(50).default([]),
    userinfo: mapping,
  }),
]);
export type UpstreamEntry = z.infer<typeof upstreamSchema>;
