import type { Queryable } from '@codex-gateways/database';
import type { ClientAssertionAlgorithm } from '@codex-gateways/tokens';
import { deleteClient, findClient, insertClient, updateClient } from './client-store.ts';
import { deleteConsentsTo } from './consent-store.ts';
import { deleteCodesOf } from './pkce-request-store.ts';
import { BUILT_IN_CLIENT_ID, isBuiltInClient, SCOPES } from './scopes.ts';

export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

export const CLIENT_AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

/** A public key in the form of RFC 7517. */
export type Jwk = Readonly<Record<string, unknown>>;

/** A registered client (RFC 7591 §2). */
export interface OAuthClient {
  readonly clientId: string;
  readonly clientName: string;
  readonly tokenEndpointAuthMethod: ClientAuthMethod;
  /** SHA-256 of the secret; undefined for clients without one. */
  readonly clientSecretDigest: Buffer | undefined;
  /** What a client with `private_key_jwt` signs with; undefined for others. */
  readonly keys?: readonly Jwk[] | undefined;
  /** The one algorithm that it signs with; undefined for any that fits its keys. */
  readonly signingAlg?: ClientAssertionAlgorithm | undefined;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  /** Every scope that it may ask for, space-separated. */
  readonly scope: string;
  /** What else it registered, by its names on the wire; nothing here decides anything. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const BUILT_IN_CLIENT: OAuthClient = {
  clientId: BUILT_IN_CLIENT_ID,
  clientName: 'Codex CLI',
  tokenEndpointAuthMethod: 'none',
  clientSecretDigest: undefined,
  redirectUris: [],
  grantTypes: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT],
  scope: Object.keys(SCOPES).join(' '),
};

// The CLI listens on 1455 or 1457 and spells its host either way, so any port of both spellings (RFC 8252 §7.3); compared
// as text, so that no reading of the URL can differ from a browser's.
const BUILT_IN_REDIRECT = /^http:\/\/(?:localhost|127\.0\.0\.1):([1-9]\d{0,4})\/auth\/callback$/;
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?::([1-9]\d{0,4}))?(\/[^\s#]*)?$/;

/** Finds clients, the built-in one among them. */
export class Clients {
  readonly #db: Queryable;

  constructor({ db }: { db: Queryable }) {
    this.#db = db;
  }

  /** @param tx - where a transaction is under way */
  async find(clientId: string, tx: Queryable = this.#db): Promise<OAuthClient | undefined> {
    if (isBuiltInClient(clientId)) return BUILT_IN_CLIENT;
    return /^[\x21-\x7e]{1,128}$/.test(clientId) ? findClient(tx, clientId) : undefined;
  }

  /** @param tx - the transaction of the registration */
  async add(client: OAuthClient, tx: Queryable): Promise<void> {
    await insertClient(tx, client);
  }

  /** Replaces everything about a client but its id. Who had let it in is asked again: it may be another program now. */
  async replace(client: OAuthClient, tx: Queryable): Promise<void> {
    await updateClient(tx, client);
    await deleteConsentsTo(tx, client.clientId);
  }

  /** Forgets a client, with the codes that it has not redeemed; what it holds already is for `Grants` to revoke. */
  async remove(clientId: string, tx: Queryable): Promise<void> {
    await deleteCodesOf(tx, clientId);
    await deleteClient(tx, clientId);
  }
}

/**
 * Whether a client may be answered at a redirect URI: one of its registered ones, exactly (RFC 9700 §2.1); the port of a
 * loopback one is free (RFC 8252 §7.3).
 */
export function isRedirectUriOf(client: OAuthClient, redirectUri: string): boolean {
  if (isBuiltInClient(client.clientId)) return Number(BUILT_IN_REDIRECT.exec(redirectUri)?.[1] ?? Infinity) <= 65_535;
  return client.redirectUris.some((registered) => registered === redirectUri || differInPort(registered, redirectUri));
}

function differInPort(registered: string, presented: string): boolean {
  const [, registeredHost, , registeredRest] = LOOPBACK.exec(registered) ?? [];
  const [, host, port = '80', rest] = LOOPBACK.exec(presented) ?? [];
  return host !== undefined && host === registeredHost && rest === registeredRest && Number(port) <= 65_535;
}

export function isPublic(client: OAuthClient): boolean {
  return client.tokenEndpointAuthMethod === 'none';
}
