create table codex_auth.codex_jwks_keys (
  kid text constraint codex_jwks_keys_pkey primary key,
  public_n text not null,
  public_e text not null,
  private_pkcs8_sealed bytea not null,
  status text not null constraint codex_jwks_keys_status_chk check (status in ('pending', 'active', 'retired')),
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  retired_at timestamptz
);
create unique index codex_jwks_keys_one_active_uq on codex_auth.codex_jwks_keys (status) where status = 'active';
comment on column codex_auth.codex_jwks_keys.status is 'pending: published, signs later; active: signs; retired: published until what it signed has expired';
comment on column codex_auth.codex_jwks_keys.private_pkcs8_sealed is 'PKCS#8 DER under the master key';

create table codex_auth.sealed_secrets (
  name text constraint sealed_secrets_pkey primary key,
  sealed bytea not null,
  created_at timestamptz not null default now()
);
comment on table codex_auth.sealed_secrets is 'random secrets of this installation that must outlive a change of the master key, such as the key that derives refresh tokens';
