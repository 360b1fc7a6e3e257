create table codex_exec.replicas (
  replica_id uuid constraint replicas_pkey primary key,
  internal_url text,
  started_at timestamptz not null default now(),
  lease_expires_at timestamptz not null
);
comment on table codex_exec.replicas is
  'running exec-gateway processes; one whose lease is over counts as dead, by the clock of the database';
comment on column codex_exec.replicas.internal_url is 'where other replicas reach this one';

create sequence codex_exec.connection_number as bigint;

create table codex_exec.executor_connections (
  exe_id text constraint executor_connections_pkey primary key
    constraint executor_connections_executor_fkey references codex_exec.executors (exe_id) on delete cascade,
  connection_id uuid not null constraint executor_connections_connection_uq unique,
  connection_number bigint not null,
  replica_id uuid not null
    constraint executor_connections_replica_fkey references codex_exec.replicas (replica_id) on delete cascade,
  executor_registration_id text,
  generation text not null constraint executor_connections_generation_chk check (generation in ('noise', 'legacy')),
  client_ip inet,
  connected_at timestamptz not null default now()
);
create index executor_connections_replica_idx on codex_exec.executor_connections (replica_id);
comment on table codex_exec.executor_connections is
  'which replica holds an executor; one row an executor, since the newest connection wins';
comment on column codex_exec.executor_connections.connection_number is
  'rises with every connection: an older one never takes the row from a newer one';
comment on column codex_exec.executor_connections.executor_registration_id is
  'the registration whose ticket opened this connection, so also the key that answers on it';

create view codex_exec.live_connections as
select c.exe_id, c.connection_id, c.replica_id, r.internal_url, c.executor_registration_id, c.generation, c.connected_at
  from codex_exec.executor_connections c
  join codex_exec.replicas r on r.replica_id = c.replica_id
 where r.lease_expires_at > now();
comment on view codex_exec.live_connections is 'connections of replicas that are alive: who is online, and where';
