import { type KeyObject, sign, verify } from 'node:crypto';

/** A private RSA key under the id by which verifiers find its public half. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** A compact JWS taken apart; nothing in it is verified yet. */
export interface ParsedJws {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signedText: string;
  readonly signature: Buffer;
}

/** Why a token was refused. For logs and metrics, never for the caller. */
export type JwsRefusal =
  | 'malformed'
  | 'wrong_algorithm'
  | 'wrong_type'
  | 'unknown_key'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid';

export type JwsOutcome =
  | { readonly ok: true; readonly payload: Readonly<Record<string, unknown>>; readonly kid: string }
  | { readonly ok: false; readonly reason: JwsRefusal };

/** Longer tokens are refused unread; the largest that we issue is under 4 KiB. */
export const MAX_JWS_LENGTH = 16_384;

const BASE64URL = /^[A-Za-z0-9_-]*$/;

/**
 * Signs a compact JWS with RS256 (RFC 7515 §7.1, RFC 7518 §3.3). The signature, about a millisecond, is made on the
 * thread pool.
 */
export async function signRs256(
  key: SigningKey,
  payload: object,
  { typ = 'JWT' }: { typ?: 'JWT' | 'at+jwt' } = {},
): Promise<string> {
  const signedText = `${encodeJson({ alg: 'RS256', typ, kid: key.kid })}.${encodeJson(payload)}`;
  const signature = await signOnThreadPool(Buffer.from(signedText, 'latin1'), key.privateKey);
  return `${signedText}.${signature.toString('base64url')}`;
}

function signOnThreadPool(data: Buffer, key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', data, key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

/**
 * Verifies an RS256 JWS and its times. The algorithm is ours, never the header's (RFC 8725 §3.1).
 * @param findKey - the public key under a key id, or undefined
 * @param nowSeconds - epoch seconds; a token is dead at `exp` exactly, and `exp` is required
 */
export function verifyRs256(
  token: string,
  {
    findKey,
    nowSeconds,
    typ = 'JWT',
  }: { findKey: (kid: string) => KeyObject | undefined; nowSeconds: number; typ?: 'JWT' | 'at+jwt' },
): JwsOutcome {
  const jws = parseJws(token);
  if (!jws) return { ok: false, reason: 'malformed' };
  const { alg, kid } = jws.header;
  if (alg !== 'RS256') return { ok: false, reason: 'wrong_algorithm' };
  if (jws.header.typ !== typ) return { ok: false, reason: 'wrong_type' };
  const key = typeof kid === 'string' ? findKey(kid) : undefined;
  if (!key || typeof kid !== 'string') return { ok: false, reason: 'unknown_key' };
  if (!verify('sha256', Buffer.from(jws.signedText), key, jws.signature)) return { ok: false, reason: 'bad_signature' };
  const { exp, nbf } = jws.payload;
  if (typeof exp !== 'number' || !(exp > nowSeconds)) return { ok: false, reason: 'expired' };
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= nowSeconds))
    return { ok: false, reason: 'not_yet_valid' };
  return { ok: true, payload: jws.payload, kid };
}

/** Takes a compact JWS apart without trusting anything in it. Undefined when it is not one. */
export function parseJws(token: string): ParsedJws | undefined {
  if (token.length > MAX_JWS_LENGTH) return undefined;
  const [header, payload, signature, ...rest] = token.split('.');
  if (!header || !payload || !signature || rest.length > 0 || !BASE64URL.test(signature)) return undefined;
  const headerObject = decodeJson(header);
  const payloadObject = decodeJson(payload);
  if (!headerObject || !payloadObject) return undefined;
  return {
    header: headerObject,
    payload: payloadObject,
    signedText: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** JSON in base64url without padding, the form of every part of a token here. */
export function encodeJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The object in a base64url part, or undefined for anything else: other JSON, other text, padding, stray characters. */
export function decodeJson(part: string): Readonly<Record<string, unknown>> | undefined {
  if (!BASE64URL.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
