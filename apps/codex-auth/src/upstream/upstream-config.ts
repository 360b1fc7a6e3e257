/** Where the members of a person are in what a provider says about them: a member's name, or names joined by dots. */
export interface ClaimsMapping {
  readonly subject: string;
  readonly email: string;
  readonly emailVerified: string;
  readonly name: string;
  readonly groups: string;
}

/** Who may sign in: whoever has an address of one of the domains, or is in one of the groups; `anyone` for all. */
export interface AdmissionRule {
  readonly anyone: boolean;
  readonly emailDomains: readonly string[];
  readonly groups: readonly string[];
}

/** What both kinds of provider have. */
export interface UpstreamCommon {
  /** Names it in URLs, in the database and in the audit trail. */
  readonly name: string;
  /** For people, on the sign-in page. */
  readonly displayName: string;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  /** Whether the redirect URI names this upstream alone, which then tells whose answer it is. */
  readonly hasOwnRedirectUri: boolean;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  readonly claims: ClaimsMapping;
  /** Whether an address without a word about its verification counts as verified. */
  readonly assumeEmailVerified: boolean;
  readonly admission: AdmissionRule;
  /** For a provider where this server registers itself; undefined with a client id. */
  readonly registration:
    | { readonly initialAccessToken: string | undefined; readonly registrationEndpoint: string | undefined }
    | undefined;
}

/** An identity provider in front of which this server stands. */
export type UpstreamConfig = UpstreamCommon &
  (
    | { readonly type: 'oidc'; readonly issuer: string }
    | {
        readonly type: 'oauth2';
        /** Of its metadata, and what it calls itself in `iss` (RFC 9207), if it does. */
        readonly issuer: string | undefined;
        readonly authorizationEndpoint: string | undefined;
        readonly tokenEndpoint: string | undefined;
        readonly userinfoEndpoint: string;
      }
  );

/** How the secrets that a configuration names are found. */
export interface SecretSources {
  variable(name: string): string | undefined;
  /** @throws when the file cannot be read */
  file(path: string): string;
}
