import { lineOfText } from '@codex-gateways/service';
import { CLIENT_ASSERTION_ALGORITHMS } from '@codex-gateways/tokens';
import { z } from 'zod';
import { CLIENT_AUTH_METHODS } from '../oauth/clients.ts';
import { redirectUriProblem } from './redirect-uri-policy.ts';

const MAX_REDIRECT_URIS = 10;
const MAX_KEYS = 10;
const MAX_CONTACTS = 5;
const MAX_LIST = 10;

/** Shown to people, so without characters that hide or turn around what follows them. */
const shownLine = (maxLength: number) =>
  lineOfText({ minLength: 1, maxLength }).regex(/^[^\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must have visible characters only');

const webPage = z
  .string()
  .refine((uri) => uri.startsWith('https://') && redirectUriProblem(uri, 'web') === undefined, 'must be an https URL');

const listOf = <Item extends z.ZodType>(item: Item, maxItems: number) =>
  z.array(item).max(maxItems, `may have ${maxItems} entries at most`);

/** Client metadata that is understood (RFC 7591 §2, OpenID Connect Registration §2): types and sizes, not yet what goes together. */
export const clientMetadataSchema = z.object({
  redirect_uris: listOf(z.string(), MAX_REDIRECT_URIS).optional(),
  token_endpoint_auth_method: z.enum(CLIENT_AUTH_METHODS).optional(),
  token_endpoint_auth_signing_alg: z.enum(CLIENT_ASSERTION_ALGORITHMS).optional(),
  grant_types: listOf(z.string().max(100), MAX_LIST).min(1).optional(),
  response_types: listOf(z.string().max(100), MAX_LIST).optional(),
  application_type: z.enum(['native', 'web']).optional(),
  client_name: shownLine(100).optional(),
  client_uri: webPage.optional(),
  logo_uri: webPage.optional(),
  policy_uri: webPage.optional(),
  tos_uri: webPage.optional(),
  contacts: listOf(shownLine(254), MAX_CONTACTS).optional(),
  scope: z.string().max(1000).optional(),
  jwks: z.object({ keys: listOf(z.record(z.string(), z.unknown()), MAX_KEYS).min(1) }).optional(),
  jwks_uri: z.unknown().optional(),
  software_id: shownLine(128).optional(),
  software_version: shownLine(64).optional(),
});

export type ClientMetadataInput = z.infer<typeof clientMetadataSchema>;
