create table codex_auth.upstream_authorizations (
  state_digest bytea constraint upstream_authorizations_pkey primary key,
  browser_digest bytea not null,
  provider text not null,
  return_to text constraint upstream_authorizations_return_to_length_chk check (length(return_to) <= 8192),
  is_fresh boolean not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index upstream_authorizations_expiry_idx on codex_auth.upstream_authorizations (expires_at);
comment on table codex_auth.upstream_authorizations is 'people on their way to an identity provider; deleted by the statement that lets them come back';
comment on column codex_auth.upstream_authorizations.state_digest is 'SHA-256; nonce and code verifier follow from the state and the cookie, and are not kept';
comment on column codex_auth.upstream_authorizations.browser_digest is 'SHA-256 of the cookie of the browser that set out';
comment on column codex_auth.upstream_authorizations.is_fresh is 'whether the person has to prove who they are again';

create table codex_auth.upstream_identities (
  provider text not null,
  subject text not null constraint upstream_identities_subject_length_chk check (length(subject) between 1 and 255),
  user_id text not null constraint upstream_identities_user_fkey references codex_auth.users (id) on delete cascade,
  issuer text not null,
  email text not null,
  created_at timestamptz not null,
  last_signed_in_at timestamptz,
  constraint upstream_identities_pkey primary key (provider, subject)
);
create index upstream_identities_user_idx on codex_auth.upstream_identities (user_id);
comment on table codex_auth.upstream_identities is 'who a user is at an identity provider; an address alone never links anybody';
comment on column codex_auth.upstream_identities.issuer is 'who said so: a provider of the same name that is another issuer later does not inherit its users';
comment on column codex_auth.upstream_identities.email is 'as the provider said at the last sign-in; users.email does not follow it';

create table codex_auth.upstream_tokens (
  id uuid constraint upstream_tokens_pkey primary key,
  user_id text not null constraint upstream_tokens_user_fkey references codex_auth.users (id) on delete cascade,
  session_digest bytea not null constraint upstream_tokens_session_fkey references codex_auth.sessions (id_digest) on delete cascade,
  provider text not null,
  tokens_sealed bytea not null,
  expires_at timestamptz,
  created_at timestamptz not null,
  refreshed_at timestamptz,
  constraint upstream_tokens_session_provider_uq unique (session_digest, provider)
);
create index upstream_tokens_user_idx on codex_auth.upstream_tokens (user_id, provider);
comment on table codex_auth.upstream_tokens is 'what identity providers issued for their own APIs; gone with the session that a sign-in opened';
comment on column codex_auth.upstream_tokens.tokens_sealed is 'access, refresh and ID token, sealed together with whose they are';
comment on column codex_auth.upstream_tokens.expires_at is 'of the access token; null when the provider did not say';
