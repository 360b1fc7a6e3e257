create table codex_exec.turn_bridges (
  turn_id text not null constraint turn_bridges_turn_id_length_chk check (length(turn_id) between 1 and 128),
  slot integer not null constraint turn_bridges_slot_chk check (slot >= 1),
  bridge_id uuid not null,
  replica_id uuid not null,
  exe_id text not null,
  opened_at timestamptz not null default now(),
  constraint turn_bridges_pkey primary key (turn_id, slot)
);
create index turn_bridges_replica_idx on codex_exec.turn_bridges (replica_id);
comment on table codex_exec.turn_bridges is
  'open bridges by turn, across replicas: a turn has as many slots as bridges, so two replicas cannot both take the last one';
comment on column codex_exec.turn_bridges.replica_id is
  'the replica that the harness dialled; a slot of one whose lease is over is free. No foreign key: a replica that was taken for dead may come back';
