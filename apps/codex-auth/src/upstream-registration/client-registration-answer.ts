import { z } from 'zod';
import { mayBeNamedBy, type UpstreamAnswer } from './ask-upstream.ts';
import { type AdvertisedMethods, isUsable } from './client-authentication-choice.ts';
import type { TokenEndpointAuthMethod, UpstreamClientResolution } from './upstream-client.ts';
import { quoted, UpstreamRegistrationError } from './upstream-registration-error.ts';

/** What was asked for, and when: an answer is held against it. */
export interface RegistrationRequest {
  /** Of the configuration entry. */
  readonly upstream: string;
  /** The registration endpoint's address where there is no issuer. */
  readonly issuer: string;
  readonly redirectUri: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly advertised: AdvertisedMethods;
  readonly now: Date;
}

export type RegisteredClient = Pick<
  UpstreamClientResolution,
  | 'clientId'
  | 'clientSecret'
  | 'registrationAccessToken'
  | 'registrationClientUri'
  | 'tokenEndpointAuthMethod'
  | 'clientIdIssuedAt'
  | 'clientSecretExpiresAt'
>;

/** Printable ASCII (RFC 6749 appendix A). */
const VISIBLE = /^[\x20-\x7e]+$/;
const BEARER = /^[\x21-\x7e]+$/;
/** The end of what a `Date` holds. */
const MAX_EPOCH_SECONDS = 8_640_000_000_000;
const epochSeconds = z.number().int().min(0).max(MAX_EPOCH_SECONDS).nullish();
const answerSchema = z.object({
  client_id: z.string().max(2048).regex(VISIBLE),
  client_secret: z.string().max(4096).regex(VISIBLE).nullish(),
  client_id_issued_at: epochSeconds,
  client_secret_expires_at: epochSeconds,
  registration_access_token: z.string().max(8192).regex(BEARER).nullish(),
  registration_client_uri: z.string().max(2048).nullish(),
  token_endpoint_auth_method: z.string().max(256).nullish(),
  redirect_uris: z.array(z.string()).nullish(),
});

/**
 * The client in an answer of a registration endpoint (RFC 7591 §3.2.1, RFC 7592 §3).
 * @throws {UpstreamRegistrationError} `unreachable` for "later", `refused` for an error, `bad_answer` for what is no client, or
 *   not one that this server could use
 */
export function readRegistration({ status, json }: UpstreamAnswer, request: RegistrationRequest): RegisteredClient {
  const fail = (problem: 'unreachable' | 'refused' | 'bad_answer', why: string) =>
    new UpstreamRegistrationError(request.upstream, problem, `the registration endpoint ${why}`);
  if (status >= 500 || status === 429) throw fail('unreachable', `answers ${status}`);
  if (status >= 400) throw fail('refused', `answers ${status} ${quoted(errorOf(json))}`);
  if (status !== 201 && status !== 200) throw fail('bad_answer', `answers ${status}, which is not followed`);
  const parsed = answerSchema.safeParse(json);
  if (!parsed.success) {
    throw fail('bad_answer', `gives no usable ${String(parsed.error.issues[0]?.path[0] ?? 'client')}`);
  }
  const { data } = parsed;
  if (data.redirect_uris && !data.redirect_uris.includes(request.redirectUri)) {
    throw fail('bad_answer', 'gives a client without the redirect URI');
  }
  const method = data.token_endpoint_auth_method ?? request.tokenEndpointAuthMethod;
  if (!isUsable(method, request.advertised)) throw fail('bad_answer', `settles on ${quoted(method)}`);
  const clientSecret = method === 'none' ? undefined : (data.client_secret ?? undefined);
  if (method !== 'none' && clientSecret === undefined) throw fail('bad_answer', 'gives no client_secret');
  const clientSecretExpiresAt = clientSecret === undefined ? undefined : expiry(data.client_secret_expires_at);
  if (clientSecretExpiresAt && clientSecretExpiresAt <= request.now) {
    throw fail('bad_answer', 'gives a secret that has expired');
  }
  return {
    clientId: data.client_id,
    clientSecret,
    tokenEndpointAuthMethod: method,
    ...management(data, request.issuer),
    clientIdIssuedAt: data.client_id_issued_at == null ? undefined : new Date(data.client_id_issued_at * 1000),
    clientSecretExpiresAt,
  };
}

/** On the wire, 0 is never (RFC 7591 §3.2.1). */
function expiry(seconds: number | null | undefined): Date | undefined {
  return seconds ? new Date(seconds * 1000) : undefined;
}

/** An address to which the token may not be sent is left out: the client works without it. */
function management(data: z.infer<typeof answerSchema>, issuer: string) {
  const uri = data.registration_client_uri ?? undefined;
  return {
    registrationAccessToken: data.registration_access_token ?? undefined,
    registrationClientUri: uri !== undefined && mayBeNamedBy(issuer, uri) ? uri : undefined,
  };
}

/** The code and no more: other words may be what the endpoint was sent. */
function errorOf(json: unknown): unknown {
  const error = typeof json === 'object' && json !== null && 'error' in json ? json.error : '';
  return typeof error === 'string' && /^[a-z_]{0,60}$/.test(error) ? error : 'with no error code';
}
