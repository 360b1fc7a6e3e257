create table codex_auth.dcr_credentials (
  id text constraint dcr_credentials_pkey primary key,
  issuer text not null,
  redirect_uri text not null,
  scopes_hash text not null,
  upstream text not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table codex_auth.dcr_credentials is 'as which client this server registered itself at an upstream (RFC 7591); a deleted row is a new registration at the next sign-in';
comment on column codex_auth.dcr_credentials.id is 'SHA-256 in hex over issuer, redirect_uri, scopes_hash and upstream';
comment on column codex_auth.dcr_credentials.issuer is 'of this server, not of the upstream';
comment on column codex_auth.dcr_credentials.scopes_hash is 'SHA-256 in hex over the scopes, sorted, each once, joined by newlines';
comment on column codex_auth.dcr_credentials.upstream is 'JSON: name of the configuration entry, and who answers there';
comment on column codex_auth.dcr_credentials.sealed is 'the resolution as JSON under the master key: client id, secret, endpoints, registration token';
