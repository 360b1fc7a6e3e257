import express, { type Request, type RequestHandler } from 'express';
import { OAuthError } from './oauth-error.ts';

/** Parameters of a request by their names on the wire. Those without a value count as absent (RFC 6749 §3.1). */
export type Parameters = ReadonlyMap<string, string>;

const MAX_PARAMETERS = 100;

/** What JSON bodies of our endpoints may say; each is text. */
const KNOWN = new Set(
  [
    'grant_type code code_verifier redirect_uri refresh_token device_code scope token token_type_hint',
    'client_id client_secret client_assertion client_assertion_type',
  ].flatMap((line) => line.split(' ')),
);

/** Reads the bodies of OAuth endpoints: forms, as the RFCs have them, and JSON, as the Codex CLI refreshes and revokes. */
export function oauthBody(maxBytes: number): RequestHandler {
  const form = express.text({ type: 'application/x-www-form-urlencoded', limit: maxBytes });
  const json = express.json({ limit: maxBytes, strict: true });
  return (req, res, next) => form(req, res, (error?: unknown) => (error ? next(error) : json(req, res, next)));
}

/** @throws {OAuthError} invalid_request: another content type, a repeated parameter, a known one that is not text */
export function bodyParameters(req: Request): Parameters {
  if (!req.is(['application/x-www-form-urlencoded', 'application/json'])) {
    throw new OAuthError('invalid_request', 'the body must be a form or JSON');
  }
  return parametersIn(req.body);
}

/**
 * @param body - the text of a form, or what JSON says
 * @throws {OAuthError} invalid_request: a repeated parameter, too many of them, a known one that is not text
 */
export function parametersIn(body: unknown): Parameters {
  return typeof body === 'string' ? formParameters(body) : toParameters(body, isWorthReading);
}

/** @throws {OAuthError} invalid_request: a repeated parameter */
export function queryParameters(req: Request): Parameters {
  return toParameters(req.query);
}

/** @throws {OAuthError} invalid_request when the parameter is absent */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new OAuthError('invalid_request', `${name} is required`);
  return value;
}

/** A form (WHATWG URL §5.1, as RFC 6749 appendix B has it). */
function formParameters(text: string): Parameters {
  const fields = [...new URLSearchParams(text)];
  if (fields.length > MAX_PARAMETERS) throw new OAuthError('invalid_request', 'the form has too many parameters');
  const names = new Set(fields.map(([name]) => name));
  if (names.size < fields.length) throw new OAuthError('invalid_request', 'a parameter may appear only once');
  return toParameters(Object.fromEntries(fields));
}

/** Of JSON: null is no value, and what is not known is ignored, whatever it is (RFC 6749 §3.2): clients send more with each version. */
function isWorthReading(name: string, value: unknown): boolean {
  return value !== null && (typeof value === 'string' || KNOWN.has(name));
}

function toParameters(source: unknown, isRead: (name: string, value: unknown) => boolean = () => true): Parameters {
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw new OAuthError('invalid_request', 'the parameters could not be read');
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries(source)) {
    if (!isRead(name, value)) continue;
    if (Array.isArray(value)) throw new OAuthError('invalid_request', 'a parameter may appear only once');
    if (typeof value !== 'string') throw new OAuthError('invalid_request', 'every parameter is text');
    // PostgreSQL has no text with this character, and no parameter has a use for it.
    if (value.includes('\0'))
      throw new OAuthError('invalid_request', 'a parameter has a character that is not permitted');
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}
