create table codex_exec.audit_events (
  id bigint generated always as identity constraint audit_events_pkey primary key,
  occurred_at timestamptz not null default now(),
  action text not null,
  actor_user_id text,
  exe_id text,
  workspace_id text,
  turn_id text,
  request_id text,
  details jsonb not null default '{}'::jsonb
);
create index audit_events_time_idx on codex_exec.audit_events (occurred_at);
create index audit_events_executor_idx on codex_exec.audit_events (exe_id, id);
comment on table codex_exec.audit_events is
  'append only: who did what to which executor, binding or turn; no foreign keys, since it outlives what it names';
