alter table codex_auth.password_credentials add column one_time_until timestamptz;
comment on column codex_auth.password_credentials.one_time_until is 'set for a password that was generated: it works until then, and only to choose another';

alter table codex_auth.sessions add column public_id uuid not null default gen_random_uuid();
alter table codex_auth.sessions add constraint sessions_public_id_uq unique (public_id);
comment on column codex_auth.sessions.public_id is 'names the session to its user; worth nothing as a credential';
