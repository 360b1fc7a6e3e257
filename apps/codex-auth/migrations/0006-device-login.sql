create table codex_auth.codex_device_codes (
  device_code_digest bytea constraint codex_device_codes_pkey primary key,
  user_code_digest bytea not null constraint codex_device_codes_user_code_uq unique,
  flow text not null constraint codex_device_codes_flow_chk check (flow in ('codex_cli', 'rfc8628')),
  client_id text not null,
  scope text not null,
  status text not null constraint codex_device_codes_status_chk check (status in ('pending', 'approved', 'denied', 'exchanged')),
  user_id text constraint codex_device_codes_user_fkey references codex_auth.users (id) on delete cascade,
  ip inet,
  user_agent text,
  interval_seconds integer not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decided_at timestamptz,
  authenticated_at timestamptz,
  last_polled_at timestamptz,
  constraint codex_device_codes_user_chk check ((user_id is null) = (status = 'pending'))
);
create index codex_device_codes_expiry_idx on codex_auth.codex_device_codes (expires_at);
create index codex_device_codes_user_idx on codex_auth.codex_device_codes (user_id);
comment on column codex_auth.codex_device_codes.user_id is 'who approved or denied';
comment on column codex_auth.codex_device_codes.ip is 'where the device asked from, shown to the person who decides';
comment on column codex_auth.codex_device_codes.authenticated_at is 'when the person who decided had signed in';
