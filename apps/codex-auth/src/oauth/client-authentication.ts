import { constantTimeEqual, sha256 } from '@codex-gateways/crypto';
import type { Request } from 'express';
import { type Clients, isPublic, type OAuthClient } from './clients.ts';
import { OAuthError } from './oauth-error.ts';
import type { Parameters } from './parameters.ts';

/** Finds who calls an endpoint, and has a confidential client prove it (RFC 6749 §2.3). */
export class ClientAuthentication {
  readonly #clients: Pick<Clients, 'find'>;

  constructor({ clients }: { clients: Pick<Clients, 'find'> }) {
    this.#clients = clients;
  }

  /** @throws {OAuthError} invalid_client; invalid_request when two ways are used at once */
  async authenticate(req: Request, parameters: Parameters): Promise<OAuthClient> {
    const presented = presentedBy(req, parameters);
    const client = await this.#clients.find(presented.clientId);
    if (!client) throw refused(req, 'unknown client');
    if (presented.method !== client.tokenEndpointAuthMethod) {
      throw refused(req, `used ${presented.method}, registered ${client.tokenEndpointAuthMethod}`);
    }
    if (isPublic(client)) return client;
    const { clientSecretDigest } = client;
    if (!clientSecretDigest || !constantTimeEqual(sha256(presented.secret), clientSecretDigest)) {
      throw refused(req, 'wrong secret');
    }
    return client;
  }
}

interface Presented {
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post';
  readonly clientId: string;
  readonly secret: string;
}

function presentedBy(req: Request, parameters: Parameters): Presented {
  const bodyId = parameters.get('client_id');
  const bodySecret = parameters.get('client_secret');
  const basic = basicCredentials(req);
  if (basic) {
    if (bodySecret !== undefined) throw new OAuthError('invalid_request', 'a client authenticates in one way only');
    if (bodyId !== undefined && bodyId !== basic.clientId) {
      throw new OAuthError('invalid_request', 'client_id differs from the one that authenticates');
    }
    return { method: 'client_secret_basic', ...basic };
  }
  if (bodyId === undefined) throw refused(req, 'no client_id');
  if (bodySecret === undefined) return { method: 'none', clientId: bodyId, secret: '' };
  return { method: 'client_secret_post', clientId: bodyId, secret: bodySecret };
}

// Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
function basicCredentials(req: Request): { clientId: string; secret: string } | undefined {
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
function refused(req: Request, reason: string): OAuthError {
  const triedHeader = req.headers.authorization !== undefined;
  return new OAuthError('invalid_client', 'client authentication failed', {
    reason,
    headers: triedHeader ? { 'WWW-Authenticate': 'Basic realm="codex-auth"' } : {},
  });
}
