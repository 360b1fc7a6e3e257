alter table codex_auth.codex_jwks_keys
  add column activates_at timestamptz,
  add column published_until timestamptz;
update codex_auth.codex_jwks_keys set activates_at = now() where status = 'pending';
update codex_auth.codex_jwks_keys set published_until = now() + interval '1 day' where status = 'retired';
alter table codex_auth.codex_jwks_keys
  add constraint codex_jwks_keys_activates_chk check ((activates_at is not null) = (status = 'pending')),
  add constraint codex_jwks_keys_published_chk check ((published_until is not null) = (status = 'retired'));
create unique index codex_jwks_keys_one_pending_uq on codex_auth.codex_jwks_keys (status) where status = 'pending';
comment on column codex_auth.codex_jwks_keys.activates_at is 'when a pending key begins to sign: so late that whoever caches the published keys has it';
comment on column codex_auth.codex_jwks_keys.published_until is 'when the last access or ID token that a retired key signed has expired; Agent Identity JWTs may keep it published for longer';

-- Whether a retired key is still needed.
create index codex_agent_identities_key_idx on codex_auth.codex_agent_identities (jwt_signed_with, expires_at) where revoked_at is null;
