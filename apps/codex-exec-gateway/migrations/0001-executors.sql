create table codex_exec.executors (
  exe_id text constraint executors_pkey primary key
    constraint executors_id_form_chk check (exe_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  owner_user_id text not null,
  display_name text not null constraint executors_display_name_length_chk check (length(display_name) between 1 and 200),
  created_at timestamptz not null default now(),
  last_ticket_expires_at bigint not null default 0,
  last_registered_at timestamptz,
  last_seen_at timestamptz,
  client_ip inet,
  user_agent text,
  codex_version text,
  os text
);
create index executors_owner_idx on codex_exec.executors (owner_user_id);
comment on table codex_exec.executors is 'machines that run commands; exe_id is what the CLI calls the environment id';
comment on column codex_exec.executors.last_ticket_expires_at is
  'epoch seconds; every registration gets a later expiry than the one before, so a ticket names its registration';
comment on column codex_exec.executors.last_seen_at is 'the last registration, connection or loss of a connection';
comment on column codex_exec.executors.user_agent is 'as sent at the last registration; current CLI versions send none';

create table codex_exec.executor_registrations (
  executor_registration_id text constraint executor_registrations_pkey primary key,
  exe_id text not null
    constraint executor_registrations_executor_fkey references codex_exec.executors (exe_id) on delete cascade,
  ticket_expires_at bigint not null,
  generation text not null constraint executor_registrations_generation_chk check (generation in ('noise', 'legacy')),
  key_suite text,
  x25519_public_key text,
  mlkem768_public_key text,
  registered_at timestamptz not null default now(),
  constraint executor_registrations_ticket_uq unique (exe_id, ticket_expires_at),
  constraint executor_registrations_keys_chk check (
    (generation = 'noise') = (key_suite is not null and x25519_public_key is not null and mlkem768_public_key is not null)
  )
);
create index executor_registrations_expiry_idx on codex_exec.executor_registrations (ticket_expires_at);
comment on table codex_exec.executor_registrations is
  'what one run of an executor registered; its public key is what a harness encrypts to';
comment on column codex_exec.executor_registrations.generation is
  'noise: the CLI sent a public key, frames are encrypted end to end; legacy: it sent no body, frames are plain';
