import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { type ParsedJws, parseJws } from './jws.ts';

/** Signature algorithms of client assertions: asymmetric ones only (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). */
export const CLIENT_ASSERTION_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'] as const;
export type ClientAssertionAlgorithm = (typeof CLIENT_ASSERTION_ALGORITHMS)[number];

/** The public key of a client, as it registered it. */
export interface ClientKey {
  readonly kid: string | undefined;
  /** The one algorithm that the key is for (RFC 7517 §4.4); undefined for any that fits its type. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

/** Why an assertion was refused. For logs, never for the caller. */
export type ClientAssertionRefusal =
  | 'malformed'
  | 'wrong_algorithm'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'lives_too_long'
  | 'no_jti';

export type ClientAssertionOutcome =
  /** @property expiresAtSeconds - epoch seconds; until then `jti` must not be accepted again */
  | { readonly ok: true; readonly jti: string; readonly expiresAtSeconds: number }
  | { readonly ok: false; readonly reason: ClientAssertionRefusal };

/** How far the clocks of client and server may differ. */
const CLOCK_SKEW_SECONDS = 30;
/** The longest that an assertion may be good for; what is usual is a minute. */
const MAX_LIFETIME_SECONDS = 600;
const MAX_JTI_LENGTH = 256;
const MAX_CLIENT_ID_LENGTH = 128;
const MIN_RSA_BITS = 2048;
const KID_FORM = /^[\x20-\x7e]{1,256}$/;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const FITS: Readonly<Record<ClientAssertionAlgorithm, (key: KeyObject) => boolean>> = {
  RS256: (key) => key.asymmetricKeyType === 'rsa',
  ES256: (key) => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  EdDSA: (key) => key.asymmetricKeyType === 'ed25519',
  Ed25519: (key) => key.asymmetricKeyType === 'ed25519',
};

/**
 * A public key in JWK form (RFC 7517): RSA of 2048 bits at least, P-256, or Ed25519.
 * @throws {TypeError} saying what is wrong with it; no value of it is repeated
 */
export function parseClientKey(jwk: Readonly<Record<string, unknown>>): ClientKey {
  if (PRIVATE_MEMBERS.some((member) => member in jwk))
    throw new TypeError('a key must be public, and has private parts');
  const { kid, alg, use } = jwk;
  if (kid !== undefined && !(typeof kid === 'string' && KID_FORM.test(kid))) {
    throw new TypeError('kid must be printable ASCII of 256 characters at most');
  }
  if (use !== undefined && use !== 'sig') throw new TypeError('use must be sig');
  const key = publicKeyOf(jwk);
  const fitting = CLIENT_ASSERTION_ALGORITHMS.filter((algorithm) => FITS[algorithm](key));
  if (fitting.length === 0) throw new TypeError('a key must be RSA, P-256 or Ed25519');
  if ((key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) {
    throw new TypeError(`an RSA key must have ${MIN_RSA_BITS} bits`);
  }
  if (alg !== undefined && !fitting.some((algorithm) => algorithm === alg)) {
    throw new TypeError('alg does not fit the key');
  }
  return { kid, alg: typeof alg === 'string' ? alg : undefined, key };
}

/** The client that an assertion says it is of (RFC 7523 §3: `sub`); nothing is verified yet. */
export function clientIdOfAssertion(assertion: string): string | undefined {
  const subject = parseJws(assertion)?.payload.sub;
  return typeof subject === 'string' && subject.length <= MAX_CLIENT_ID_LENGTH ? subject : undefined;
}

/**
 * Verifies a JWT by which a client authenticates (RFC 7523 §3, OpenID Connect Core §9): `iss` and `sub` are the client, `aud` is
 * this server and nobody else, `exp` is near, and there is a `jti`. Whether that was used before is for the caller to ask.
 * @param audiences - what names this server
 * @param alg - the only algorithm that the client registered; undefined for any that fits its key
 */
export function verifyClientAssertion(
  assertion: string,
  expected: {
    readonly clientId: string;
    readonly keys: readonly ClientKey[];
    readonly audiences: readonly string[];
    readonly alg?: string | undefined;
    readonly nowSeconds: number;
  },
): ClientAssertionOutcome {
  const jws = parseJws(assertion);
  if (!jws || 'crit' in jws.header) return { ok: false, reason: 'malformed' };
  const refusal = refusalOfSignature(jws, expected) ?? refusalOfClaims(jws.payload, expected);
  if (refusal) return { ok: false, reason: refusal };
  const { jti, exp } = jws.payload;
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return { ok: false, reason: 'no_jti' };
  return { ok: true, jti, expiresAtSeconds: Math.ceil(Number(exp)) + CLOCK_SKEW_SECONDS };
}

function publicKeyOf(jwk: Readonly<Record<string, unknown>>): KeyObject {
  try {
    return createPublicKey({ format: 'jwk', key: jwk as JsonWebKey });
  } catch (cause) {
    throw new TypeError('a key is malformed', { cause });
  }
}

// The key decides which algorithms are possible, and the header only which of them (RFC 8725 §3.1).
function refusalOfSignature(
  { header, signedText, signature }: ParsedJws,
  { keys, alg }: { keys: readonly ClientKey[]; alg?: string | undefined },
): ClientAssertionRefusal | undefined {
  const algorithm = CLIENT_ASSERTION_ALGORITHMS.find((candidate) => candidate === header.alg);
  if (!algorithm || (alg !== undefined && alg !== algorithm)) return 'wrong_algorithm';
  const named = keys.filter(({ kid }) => header.kid === undefined || kid === header.kid);
  if (named.length === 0) return 'unknown_key';
  const usable = named.filter(
    (candidate) => FITS[algorithm](candidate.key) && (candidate.alg ?? algorithm) === algorithm,
  );
  if (usable.length === 0) return 'wrong_algorithm';
  const data = Buffer.from(signedText);
  const hash = algorithm === 'RS256' || algorithm === 'ES256' ? 'sha256' : null;
  const isSigned = usable.some(({ key }) => verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature));
  return isSigned ? undefined : 'bad_signature';
}

function refusalOfClaims(
  { iss, sub, aud, exp, nbf, iat }: Readonly<Record<string, unknown>>,
  { clientId, audiences, nowSeconds }: { clientId: string; audiences: readonly string[]; nowSeconds: number },
): ClientAssertionRefusal | undefined {
  if (iss !== clientId || sub !== clientId) return 'wrong_issuer';
  // One audience: a second one is somebody who could use the assertion here.
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (typeof audience !== 'string' || !audiences.includes(audience)) return 'wrong_audience';
  if (typeof exp !== 'number' || !(exp + CLOCK_SKEW_SECONDS > nowSeconds)) return 'expired';
  if (exp > nowSeconds + MAX_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS) return 'lives_too_long';
  const isFuture = [nbf, iat].some(
    (time) => time !== undefined && !(typeof time === 'number' && time <= nowSeconds + CLOCK_SKEW_SECONDS),
  );
  return isFuture ? 'not_yet_valid' : undefined;
}
