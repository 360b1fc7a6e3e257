import { randomUUID } from 'node:crypto';
import { constantTimeEqual, randomToken, sha256 } from '@codex-gateways/crypto';
import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import { type Clock, HttpError } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { Clients, OAuthClient } from '../oauth/clients.ts';
import type { Grants } from '../oauth/grants.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import type { RateLimit } from '../rate-limits/rate-limit-store.ts';
import { hasSecret, parseClientMetadata, type RequestedClient } from './client-metadata.ts';
import {
  countRegistrationsLocked,
  findRegistration,
  insertRegistration,
  type Registration,
} from './client-registration-store.ts';
import type { InitialAccessTokens } from './initial-access-tokens.ts';

export interface ClientRegistrationsDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly clients: Pick<Clients, 'find' | 'add' | 'replace' | 'remove'>;
  readonly grants: Pick<Grants, 'revokeAllOfClient'>;
  readonly initialAccessTokens: Pick<InitialAccessTokens, 'isLive' | 'spend'>;
  /** Whether anybody may register, or only who has an initial access token. */
  readonly isOpen: boolean;
  readonly perAddress: RateLimit;
  readonly maxClients: number;
}

/** A client, and what it needs to come back; a secret is told only when it is made. */
export interface RegisteredClient {
  readonly client: OAuthClient;
  readonly createdAt: Date;
  readonly registrationAccessToken: string;
  readonly clientSecret: string | undefined;
}

/** What a client presents to manage itself. */
export interface ManagementRequest {
  readonly clientId: string;
  readonly registrationAccessToken: string | undefined;
}

const UNAUTHORIZED = { 'WWW-Authenticate': 'Bearer error="invalid_token"' };

/** Clients that register themselves (RFC 7591) and manage themselves (RFC 7592). */
export class ClientRegistrations {
  readonly #deps: ClientRegistrationsDeps;

  constructor(deps: ClientRegistrationsDeps) {
    this.#deps = deps;
  }

  /**
   * @param initialAccessToken - required unless registration is open; one that is presented must be good
   * @throws {OAuthError} invalid_token, invalid_redirect_uri, invalid_client_metadata; {HttpError} 429
   */
  async register(
    { body, initialAccessToken }: { body: unknown; initialAccessToken: string | undefined },
    origin: RequestOrigin,
  ): Promise<RegisteredClient> {
    const { pool, clock, clients, initialAccessTokens } = this.#deps;
    await this.#requireUnderLimit(origin);
    const isTrusted = await this.#isTrusted(initialAccessToken);
    const requested = parseClientMetadata(body, { isTrusted });
    const registrationAccessToken = randomToken();
    const createdAt = clock.now();
    const { client, clientSecret } = withSecret(`client_${randomUUID()}`, requested);
    await transaction(pool, async (tx) => {
      const initialAccessTokenId = isTrusted
        ? await initialAccessTokens.spend(initialAccessToken ?? '', tx)
        : undefined;
      if (isTrusted && initialAccessTokenId === undefined)
        throw refused('the initial access token was spent meanwhile');
      await this.#requireRoom(tx);
      await clients.add(client, tx);
      const accessTokenDigest = sha256(registrationAccessToken);
      const { clientId } = client;
      await insertRegistration(tx, { clientId, accessTokenDigest, initialAccessTokenId, createdAt });
      await this.#record('client.registered', { client, origin, initialAccessTokenId }, tx);
    });
    return { client, createdAt, registrationAccessToken, clientSecret };
  }

  /** @throws {OAuthError} invalid_token, the same for an unknown client as for another client's token (RFC 7592 §2) */
  async read(request: ManagementRequest): Promise<RegisteredClient> {
    const { pool, clients } = this.#deps;
    const registration = await this.#find(pool, request, { lock: false });
    const client = await clients.find(registration.clientId);
    if (!client) throw refused('the client is gone');
    return this.#toRegistered(client, registration, request);
  }

  /**
   * Replaces everything that the client said of itself. A secret stays while the client still uses one.
   * @throws {OAuthError} invalid_token, invalid_redirect_uri, invalid_client_metadata
   */
  async replace(request: ManagementRequest, body: unknown, origin: RequestOrigin): Promise<RegisteredClient> {
    const { pool, clients } = this.#deps;
    return transaction(pool, async (tx) => {
      const registration = await this.#find(tx, request, { lock: true });
      const before = await clients.find(registration.clientId, tx);
      if (!before) throw refused('the client is gone');
      requireSameClient(body, before);
      const requested = parseClientMetadata(body, registration);
      const { client, clientSecret } = withSecret(before.clientId, requested, before);
      await clients.replace(client, tx);
      await this.#record('client.updated', { client, origin }, tx);
      return { ...this.#toRegistered(client, registration, request), clientSecret };
    });
  }

  /** Forgets a client, and ends everything that it holds (RFC 7592 §2.3). @throws {OAuthError} invalid_token */
  async remove(request: ManagementRequest, origin: RequestOrigin): Promise<void> {
    const { pool, clients, grants } = this.#deps;
    await transaction(pool, async (tx) => {
      const { clientId } = await this.#find(tx, request, { lock: true });
      const client = await clients.find(clientId, tx);
      await clients.remove(clientId, tx);
      // After the codes, so that what one of them bought a moment ago is seen.
      const revokedGrants = await grants.revokeAllOfClient(clientId, tx);
      if (client) await this.#record('client.deleted', { client, origin, revokedGrants }, tx);
    });
  }

  async #requireUnderLimit({ ip }: RequestOrigin): Promise<void> {
    const retryAfterSeconds = await this.#deps.perAddress.take(ip ?? 'unknown');
    if (retryAfterSeconds === 0) return;
    throw new HttpError(429, 'too_many_requests', 'too many registrations from this address, try again later', {
      headers: { 'Retry-After': String(retryAfterSeconds) },
    });
  }

  async #isTrusted(initialAccessToken: string | undefined): Promise<boolean> {
    const { isOpen, initialAccessTokens } = this.#deps;
    if (initialAccessToken === undefined && isOpen) return false;
    if (initialAccessToken !== undefined && (await initialAccessTokens.isLive(initialAccessToken))) return true;
    throw refused('no initial access token, or not a good one');
  }

  async #requireRoom(tx: Queryable): Promise<void> {
    if ((await countRegistrationsLocked(tx)) < this.#deps.maxClients) return;
    const reason = 'CODEX_AUTH_REGISTERED_CLIENTS is reached';
    throw new HttpError(429, 'too_many_clients', 'this server has as many clients as it takes', { reason });
  }

  async #find(db: Queryable, request: ManagementRequest, { lock }: { lock: boolean }): Promise<Registration> {
    const { clientId, registrationAccessToken } = request;
    if (registrationAccessToken === undefined) throw refused('no registration access token');
    const accessTokenDigest = sha256(registrationAccessToken);
    const registration = await findRegistration(db, { clientId, accessTokenDigest, lock });
    if (!registration) throw refused('no such client, or not its registration access token');
    return registration;
  }

  #toRegistered(client: OAuthClient, { createdAt }: Registration, request: ManagementRequest): RegisteredClient {
    const { registrationAccessToken = '' } = request;
    return { client, createdAt, registrationAccessToken, clientSecret: undefined };
  }

  async #record(
    action: 'client.registered' | 'client.updated' | 'client.deleted',
    {
      client,
      origin,
      initialAccessTokenId,
      revokedGrants,
    }: {
      client: OAuthClient;
      origin: RequestOrigin;
      initialAccessTokenId?: string | undefined;
      revokedGrants?: number;
    },
    tx: Queryable,
  ): Promise<void> {
    const details = {
      client_name: client.clientName,
      token_endpoint_auth_method: client.tokenEndpointAuthMethod,
      redirect_uris: client.redirectUris.join(' '),
      scope: client.scope,
      ...(initialAccessTokenId === undefined ? {} : { initial_access_token_id: initialAccessTokenId }),
      ...(revokedGrants === undefined ? {} : { revoked_grants: revokedGrants }),
    };
    await this.#deps.audit.record(
      { action, subjectType: 'client', subjectId: client.clientId, details, ...origin },
      tx,
    );
  }
}

function withSecret(
  clientId: string,
  requested: RequestedClient,
  before?: OAuthClient,
): { client: OAuthClient; clientSecret: string | undefined } {
  const needsSecret = hasSecret(requested.tokenEndpointAuthMethod);
  const clientSecret = needsSecret && !before?.clientSecretDigest ? randomToken() : undefined;
  const digest = clientSecret === undefined ? before?.clientSecretDigest : sha256(clientSecret);
  return { client: { ...requested, clientId, clientSecretDigest: needsSecret ? digest : undefined }, clientSecret };
}

// RFC 7592 §2.2: a client says who it is, and may neither choose its secret nor the rest of what the server gave it.
function requireSameClient(body: unknown, client: OAuthClient): void {
  const presented = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  if (presented.client_id !== client.clientId) {
    throw new OAuthError('invalid_client_metadata', 'client_id: must be that of the client');
  }
  const reserved = [
    'registration_access_token',
    'registration_client_uri',
    'client_secret_expires_at',
    'client_id_issued_at',
  ];
  const found = reserved.find((member) => member in presented);
  if (found) throw new OAuthError('invalid_client_metadata', `${found}: is not for the client to set`);
  const { client_secret: secret } = presented;
  if (secret === undefined) return;
  const { clientSecretDigest } = client;
  const isOwn =
    clientSecretDigest && typeof secret === 'string' && constantTimeEqual(sha256(secret), clientSecretDigest);
  if (!isOwn) throw new OAuthError('invalid_client_metadata', 'client_secret: is not that of the client');
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_token', 'the access token is not valid', { reason, headers: UNAUTHORIZED });
}
