create table codex_exec.connection_history (
  connection_id uuid constraint connection_history_pkey primary key,
  exe_id text not null
    constraint connection_history_executor_fkey references codex_exec.executors (exe_id) on delete cascade,
  connection_number bigint not null,
  executor_registration_id text,
  generation text not null,
  client_ip inet,
  replica_id uuid not null,
  connected_at timestamptz not null default now(),
  ended_at timestamptz,
  end_reason text,
  evicted_alive boolean not null default false
);
create index connection_history_executor_idx on codex_exec.connection_history (exe_id, connection_number desc);
create index connection_history_open_idx on codex_exec.connection_history (replica_id) where ended_at is null;
comment on table codex_exec.connection_history is 'the latest connections of each executor; older ones go when a new one comes';
comment on column codex_exec.connection_history.evicted_alive is
  'it was replaced by a newer connection although its process was there and answered: so two processes run with this id';

alter table codex_exec.executors
  add column tickets_void_through bigint not null default 0,
  add column duel_since timestamptz,
  add column duel_until timestamptz;
comment on column codex_exec.executors.tickets_void_through is
  'epoch seconds; tickets that expire then or earlier open nothing any more: the executor was disconnected';
comment on column codex_exec.executors.duel_until is
  'until then a living connection of this executor is not replaced: two processes have been taking it from each other';

alter table codex_exec.executor_connections add column proved_alive_at timestamptz;
comment on column codex_exec.executor_connections.proved_alive_at is 'when it last answered because another process wanted its place';
