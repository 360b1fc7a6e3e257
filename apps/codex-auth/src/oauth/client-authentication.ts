import type { IncomingMessage } from 'node:http';
import { constantTimeEqual, sha256 } from '@codex-gateways/crypto';
import { clientIdOfAssertion } from '@codex-gateways/tokens';
import type { ClientAssertions } from './client-assertions.ts';
import { type ClientAuthMethod, type Clients, isPublic, type OAuthClient } from './clients.ts';
import { OAuthError } from './oauth-error.ts';
import type { Parameters } from './parameters.ts';

/** `client_assertion_type` of a JWT (RFC 7523 §2.2). */
const JWT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Finds who calls an endpoint, and has a confidential client prove it (RFC 6749 §2.3). */
export class ClientAuthentication {
  readonly #clients: Pick<Clients, 'find'>;
  readonly #assertions: Pick<ClientAssertions, 'refusalOf'>;

  constructor(deps: { clients: Pick<Clients, 'find'>; assertions: Pick<ClientAssertions, 'refusalOf'> }) {
    this.#clients = deps.clients;
    this.#assertions = deps.assertions;
  }

  /** @throws {OAuthError} invalid_client; invalid_request when two ways are used at once */
  async authenticate(req: Pick<IncomingMessage, 'headers'>, parameters: Parameters): Promise<OAuthClient> {
    const presented = presentedBy(req, parameters);
    const client = await this.#clients.find(presented.clientId);
    if (!client) throw refused(req, 'unknown client');
    if (presented.method !== client.tokenEndpointAuthMethod) {
      throw refused(req, `used ${presented.method}, registered ${client.tokenEndpointAuthMethod}`);
    }
    if (isPublic(client)) return client;
    const refusal =
      presented.method === 'private_key_jwt'
        ? await this.#assertions.refusalOf(client, presented.secret)
        : refusalOfSecret(client, presented.secret);
    if (refusal !== undefined) throw refused(req, refusal);
    return client;
  }
}

interface Presented {
  readonly method: ClientAuthMethod;
  readonly clientId: string;
  /** The secret, or the assertion; empty for a public client. */
  readonly secret: string;
}

function refusalOfSecret({ clientSecretDigest }: OAuthClient, secret: string): string | undefined {
  const isRight = clientSecretDigest && constantTimeEqual(sha256(secret), clientSecretDigest);
  return isRight ? undefined : 'wrong secret';
}

function presentedBy(req: Pick<IncomingMessage, 'headers'>, parameters: Parameters): Presented {
  const bodyId = parameters.get('client_id');
  const bodySecret = parameters.get('client_secret');
  const assertion = parameters.get('client_assertion');
  const basic = basicCredentials(req);
  if (basic) {
    if (bodySecret !== undefined || assertion !== undefined)
      throw new OAuthError('invalid_request', 'a client authenticates in one way only');
    if (bodyId !== undefined && bodyId !== basic.clientId) {
      throw new OAuthError('invalid_request', 'client_id differs from the one that authenticates');
    }
    return { method: 'client_secret_basic', ...basic };
  }
  if (assertion !== undefined) return presentedAssertion(req, parameters, assertion);
  if (bodyId === undefined) throw refused(req, 'no client_id');
  if (bodySecret === undefined) return { method: 'none', clientId: bodyId, secret: '' };
  return { method: 'client_secret_post', clientId: bodyId, secret: bodySecret };
}

function presentedAssertion(
  req: Pick<IncomingMessage, 'headers'>,
  parameters: Parameters,
  assertion: string,
): Presented {
  if (parameters.has('client_secret'))
    throw new OAuthError('invalid_request', 'a client authenticates in one way only');
  if (parameters.get('client_assertion_type') !== JWT_ASSERTION) {
    throw new OAuthError('invalid_request', `client_assertion_type must be ${JWT_ASSERTION}`);
  }
  const clientId = clientIdOfAssertion(assertion);
  if (clientId === undefined) throw refused(req, 'client assertion: malformed');
  if ((parameters.get('client_id') ?? clientId) !== clientId) {
    throw new OAuthError('invalid_request', 'client_id differs from the one that authenticates');
  }
  return { method: 'private_key_jwt', clientId, secret: assertion };
}

// Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
function basicCredentials(req: Pick<IncomingMessage, 'headers'>): { clientId: string; secret: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(req.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const clientId = formDecoded(text.slice(0, Math.max(colon, 0)));
  const secret = formDecoded(text.slice(colon + 1));
  if (colon < 1 || clientId === undefined || secret === undefined) throw refused(req, 'malformed basic credentials');
  return { clientId, secret };
}

function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

// RFC 6749 §5.2: the challenge names the scheme that the client tried.
function refused(req: Pick<IncomingMessage, 'headers'>, reason: string): OAuthError {
  const triedHeader = req.headers.authorization !== undefined;
  return new OAuthError('invalid_client', 'client authentication failed', {
    reason,
    headers: triedHeader ? { 'WWW-Authenticate': 'Basic realm="codex-auth"' } : {},
  });
}
