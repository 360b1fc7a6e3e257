create table codex_auth.oauth_clients (
  client_id text constraint oauth_clients_pkey primary key,
  client_name text not null,
  token_endpoint_auth_method text not null
    constraint oauth_clients_auth_method_chk check (token_endpoint_auth_method in ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
  client_secret_digest bytea,
  jwks jsonb,
  redirect_uris text[] not null default '{}',
  grant_types text[] not null,
  scope text not null,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  constraint oauth_clients_secret_chk
    check ((client_secret_digest is not null) = (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post'))),
  constraint oauth_clients_jwks_chk check ((jwks is not null) or token_endpoint_auth_method <> 'private_key_jwt')
);
comment on table codex_auth.oauth_clients is 'registered clients; the client built into the Codex CLI is always registered and has no row';
comment on column codex_auth.oauth_clients.client_secret_digest is 'SHA-256; a secret is 256 random bits, so no slow hash is needed';

create table codex_auth.oauth_consents (
  user_id text not null constraint oauth_consents_user_fkey references codex_auth.users (id) on delete cascade,
  client_id text not null constraint oauth_consents_client_fkey references codex_auth.oauth_clients (client_id) on delete cascade,
  scope text not null,
  granted_at timestamptz not null,
  constraint oauth_consents_pkey primary key (user_id, client_id)
);
create index oauth_consents_client_idx on codex_auth.oauth_consents (client_id);

create table codex_auth.codex_pkce_requests (
  code_digest bytea constraint codex_pkce_requests_pkey primary key,
  grant_id uuid not null,
  client_id text not null,
  user_id text not null constraint codex_pkce_requests_user_fkey references codex_auth.users (id) on delete cascade,
  redirect_uri text,
  code_challenge text not null,
  scope text not null,
  nonce text,
  authenticated_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  redeemed_at timestamptz
);
create index codex_pkce_requests_expiry_idx on codex_auth.codex_pkce_requests (expires_at);
create index codex_pkce_requests_user_idx on codex_auth.codex_pkce_requests (user_id);
comment on table codex_auth.codex_pkce_requests is 'authorization codes; a redeemed one stays until it expires, so that a replay is noticed';
comment on column codex_auth.codex_pkce_requests.redirect_uri is 'null for a code that a device login handed out directly';

create table codex_auth.oauth_grants (
  id uuid constraint oauth_grants_pkey primary key,
  client_id text not null,
  client_is_public boolean not null,
  user_id text not null constraint oauth_grants_user_fkey references codex_auth.users (id) on delete cascade,
  scope text not null,
  authenticated_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revocation_reason text
    constraint oauth_grants_reason_chk check (revocation_reason in ('code_replayed', 'refresh_token_reused', 'revoked_by_client', 'revoked_by_user', 'revoked_by_admin')),
  constraint oauth_grants_revocation_chk check ((revoked_at is null) = (revocation_reason is null))
);
create index oauth_grants_user_idx on codex_auth.oauth_grants (user_id);
create index oauth_grants_client_idx on codex_auth.oauth_grants (client_id);
create index oauth_grants_expiry_idx on codex_auth.oauth_grants (expires_at);
comment on table codex_auth.oauth_grants is 'what a person approved; every token hangs under one grant, and a revoked grant leaves none of them alive';
comment on column codex_auth.oauth_grants.expires_at is 'the absolute end of its refresh tokens, however often they rotate';

create table codex_auth.codex_access_tokens (
  jti_digest bytea constraint codex_access_tokens_pkey primary key,
  grant_id uuid not null constraint codex_access_tokens_grant_fkey references codex_auth.oauth_grants (id) on delete cascade,
  scope text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index codex_access_tokens_grant_idx on codex_auth.codex_access_tokens (grant_id);
create index codex_access_tokens_expiry_idx on codex_auth.codex_access_tokens (expires_at);
comment on column codex_auth.codex_access_tokens.jti_digest is 'SHA-256 of the unguessable jti, known before the token is signed, so that rotation and issue are one statement';

create table codex_auth.codex_refresh_tokens (
  token_digest bytea constraint codex_refresh_tokens_pkey primary key,
  grant_id uuid not null constraint codex_refresh_tokens_grant_fkey references codex_auth.oauth_grants (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  spent_at timestamptz
);
create unique index codex_refresh_tokens_one_live_uq on codex_auth.codex_refresh_tokens (grant_id) where spent_at is null;
create index codex_refresh_tokens_grant_idx on codex_auth.codex_refresh_tokens (grant_id);
create index codex_refresh_tokens_expiry_idx on codex_auth.codex_refresh_tokens (expires_at);
comment on table codex_auth.codex_refresh_tokens is 'a family is a grant; one token of it is live, the spent ones stay until they expire, so that reuse is noticed';
