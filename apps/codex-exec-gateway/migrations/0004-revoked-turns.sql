create table codex_exec.revoked_turns (
  turn_id text constraint revoked_turns_pkey primary key
    constraint revoked_turns_id_length_chk check (length(turn_id) between 1 and 128),
  revoked_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index revoked_turns_expiry_idx on codex_exec.revoked_turns (expires_at);
create index revoked_turns_time_idx on codex_exec.revoked_turns (revoked_at);
comment on table codex_exec.revoked_turns is 'turns whose capability tokens no longer open anything';
comment on column codex_exec.revoked_turns.expires_at is
  'not before the last capability token of the turn expires by itself; then the row is no longer needed';
