/** An upstream authorization server as the configuration names it, in so far as it decides which client this server is there. */
export interface UpstreamClientSettings {
  /** Of the configuration entry: letters, digits, hyphens. Two entries never share a registration. */
  readonly name: string;
  /** Of its metadata (RFC 8414, OpenID Connect Discovery); without it both endpoints have to be named. */
  readonly issuer?: string | undefined;
  /** Instead of the one in its metadata. */
  readonly authorizationEndpoint?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
  /** Of a client that was registered by hand; without it this server registers itself (RFC 7591). */
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  /** Of a client that was registered by hand; default: by what the upstream advertises. */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Asked for; part of what is registered. */
  readonly scopes: readonly string[];
  /** Default: `{issuer of this server}/oauth/callback`. */
  readonly redirectUri?: string | undefined;
  readonly registration?: UpstreamRegistrationSettings | undefined;
}

/** How this server registers itself with an upstream. */
export interface UpstreamRegistrationSettings {
  /** Presented to the registration endpoint (RFC 7591 §3). */
  readonly initialAccessToken?: string | undefined;
  /** Instead of the one in the metadata. */
  readonly registrationEndpoint?: string | undefined;
}

/** How a client proves itself at the token endpoint (RFC 7591 §2); `none` is a public client, with PKCE alone. */
export const TOKEN_ENDPOINT_AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;
export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/** Which client this server is at an upstream, and where the upstream is asked: registered, or named by the configuration. */
export interface UpstreamClientResolution {
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret?: string | undefined;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** With which the registration may be read, changed and deleted at `registrationClientUri` (RFC 7592). */
  readonly registrationAccessToken?: string | undefined;
  readonly registrationClientUri?: string | undefined;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** What was registered, and what every authorization request has to name. */
  readonly redirectUri: string;
  readonly clientIdIssuedAt?: Date | undefined;
  /** Undefined for a secret that does not expire. */
  readonly clientSecretExpiresAt?: Date | undefined;
  /** When this resolution was made. */
  readonly createdAt: Date;
  /** Of the upstream. Undefined for one that has no metadata. */
  readonly issuer?: string | undefined;
  readonly jwksUri?: string | undefined;
  readonly userinfoEndpoint?: string | undefined;
}
