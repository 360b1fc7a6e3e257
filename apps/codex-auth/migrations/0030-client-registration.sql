alter table codex_auth.oauth_clients add column signing_alg text;
comment on column codex_auth.oauth_clients.signing_alg is 'the only algorithm of its client assertions; null for any that fits its keys';
comment on column codex_auth.oauth_clients.jwks is 'the public keys of the client, an array in the form of RFC 7517';

create table codex_auth.initial_access_tokens (
  id uuid constraint initial_access_tokens_pkey primary key,
  token_digest bytea not null constraint initial_access_tokens_digest_uq unique,
  name text not null constraint initial_access_tokens_name_length_chk check (length(name) between 1 and 100),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  max_uses integer not null constraint initial_access_tokens_max_uses_chk check (max_uses > 0),
  uses integer not null default 0 constraint initial_access_tokens_uses_chk check (uses between 0 and max_uses),
  revoked_at timestamptz
);
create index initial_access_tokens_expiry_idx on codex_auth.initial_access_tokens (expires_at);
comment on table codex_auth.initial_access_tokens is 'who may register clients (RFC 7591 §3)';
comment on column codex_auth.initial_access_tokens.token_digest is 'SHA-256; a token is 256 random bits';

create table codex_auth.client_registrations (
  client_id text constraint client_registrations_pkey primary key
    constraint client_registrations_client_fkey references codex_auth.oauth_clients (client_id) on delete cascade,
  access_token_digest bytea not null constraint client_registrations_access_token_uq unique,
  initial_access_token_id uuid,
  created_at timestamptz not null,
  used_at timestamptz
);
create index client_registrations_unused_idx on codex_auth.client_registrations (created_at) where used_at is null;
comment on table codex_auth.client_registrations is 'clients that registered themselves, and so manage themselves (RFC 7592)';
comment on column codex_auth.client_registrations.access_token_digest is 'SHA-256 of the registration access token';
comment on column codex_auth.client_registrations.initial_access_token_id is 'null for a client that registered without one; no foreign key, since it outlives the token';
comment on column codex_auth.client_registrations.used_at is 'when it was first seen that somebody had let the client in; null ones are deleted in time';

create table codex_auth.used_client_assertions (
  client_id text not null,
  jti_digest bytea not null,
  expires_at timestamptz not null,
  constraint used_client_assertions_pkey primary key (client_id, jti_digest)
);
create index used_client_assertions_expiry_idx on codex_auth.used_client_assertions (expires_at);
comment on table codex_auth.used_client_assertions is 'client assertions that have been used (RFC 7523 §3), until they expire';
