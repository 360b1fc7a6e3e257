create table codex_auth.codex_connectors (
  exe_id text constraint codex_connectors_pkey primary key,
  workspace_id text not null,
  user_id text not null,
  name text not null constraint codex_connectors_name_length_chk check (length(name) between 1 and 100),
  description text not null default '' constraint codex_connectors_description_length_chk check (length(description) <= 500),
  state text not null constraint codex_connectors_state_chk check (state in ('creating', 'active', 'removing')),
  created_at timestamptz not null default now(),
  cleanup_attempts integer not null default 0,
  cleanup_at timestamptz,
  constraint codex_connectors_cleanup_chk check ((cleanup_at is null) = (state = 'active'))
);
create unique index codex_connectors_name_uq on codex_auth.codex_connectors (workspace_id, lower(name)) where state <> 'removing';
create index codex_connectors_user_idx on codex_auth.codex_connectors (user_id);
create index codex_connectors_cleanup_idx on codex_auth.codex_connectors (cleanup_at) where cleanup_at is not null;
comment on table codex_auth.codex_connectors is 'executors that people added; the executor itself and its binding are exec-gateway''s, so a row here outlives what could not be undone there; no foreign keys, for the same reason';
comment on column codex_auth.codex_connectors.state is 'creating: reserved, exec-gateway is being asked; active; removing: gone for everybody, exec-gateway may still have it';
comment on column codex_auth.codex_connectors.cleanup_at is 'by the database''s clock: from then on any replica undoes the row at exec-gateway, and deletes it once that is done';
