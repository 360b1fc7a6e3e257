create table codex_auth.codex_connectors (
  exe_id text constraint codex_connectors_pkey primary key,
  workspace_id text not null,
  user_id text not null,
  name text not null constraint codex_connectors_name_length_chk check (length(name) between 1 and 100),
  description text not null default '' constraint codex_connectors_description_length_chk check (length(description) <= 500),
  state text not null
    constraint codex_connectors_state_chk check (state in ('creating', 'active', 'removing', 'removed')),
  created_at timestamptz not null default now(),
  cleanup_attempts integer not null default 0,
  cleanup_at timestamptz,
  removed_at timestamptz,
  constraint codex_connectors_cleanup_chk check ((cleanup_at is not null) = (state in ('creating', 'removing'))),
  constraint codex_connectors_removed_chk check ((removed_at is not null) = (state = 'removed'))
);
create unique index codex_connectors_name_uq on codex_auth.codex_connectors (workspace_id, lower(name))
  where state in ('creating', 'active');
create index codex_connectors_cleanup_idx on codex_auth.codex_connectors (cleanup_at) where cleanup_at is not null;
create index codex_connectors_removed_idx on codex_auth.codex_connectors (removed_at) where removed_at is not null;
comment on table codex_auth.codex_connectors is 'executors that people added. The executor itself and its binding are exec-gateway''s, so a row outlives what could not yet be undone there; no foreign keys, for the same reason. All times here are the database''s';
comment on column codex_auth.codex_connectors.state is 'creating: reserved, exec-gateway is being asked; active; removing: gone for people, exec-gateway may still have it; removed: gone everywhere, kept so that removing it again is no error';
comment on column codex_auth.codex_connectors.cleanup_at is 'from then on any replica may undo the row at exec-gateway';
