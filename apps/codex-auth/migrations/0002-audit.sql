create table codex_auth.audit_events (
  id bigint generated always as identity constraint audit_events_pkey primary key,
  occurred_at timestamptz not null default now(),
  action text not null,
  actor_user_id text,
  subject_type text not null,
  subject_id text not null,
  ip inet,
  request_id text,
  details jsonb not null default '{}'::jsonb
);
create index audit_events_time_idx on codex_auth.audit_events (occurred_at);
create index audit_events_actor_idx on codex_auth.audit_events (actor_user_id, id);
comment on table codex_auth.audit_events is 'append only: who did what to which token, key, client or user, from where; no foreign keys, since it outlives what it names';
