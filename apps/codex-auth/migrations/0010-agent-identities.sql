create table codex_auth.codex_agent_identities (
  agent_runtime_id text constraint codex_agent_identities_pkey primary key
    constraint codex_agent_identities_id_form_chk check (agent_runtime_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  user_id text not null
    constraint codex_agent_identities_user_fkey references codex_auth.users (id) on delete cascade,
  workspace_id text not null
    constraint codex_agent_identities_workspace_fkey references codex_auth.workspaces (id) on delete cascade,
  public_key bytea not null constraint codex_agent_identities_key_length_chk check (octet_length(public_key) = 32),
  jwt_signed_with text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index codex_agent_identities_user_idx on codex_auth.codex_agent_identities (user_id);
create index codex_agent_identities_workspace_idx on codex_auth.codex_agent_identities (workspace_id);
create index codex_agent_identities_expiry_idx on codex_auth.codex_agent_identities (expires_at);
comment on table codex_auth.codex_agent_identities is 'whom an executor acts for; the private key exists only in the Agent Identity JWT';
comment on column codex_auth.codex_agent_identities.agent_runtime_id is 'equal to the exe_id of the executor';
comment on column codex_auth.codex_agent_identities.public_key is 'Ed25519, the raw 32 bytes (RFC 8032 §5.1.5)';
comment on column codex_auth.codex_agent_identities.jwt_signed_with is 'kid; the CLI checks the JWT at each start, so this key stays published until expires_at';

create table codex_auth.codex_agent_tasks (
  task_id text constraint codex_agent_tasks_pkey primary key,
  agent_runtime_id text not null
    constraint codex_agent_tasks_identity_fkey references codex_auth.codex_agent_identities (agent_runtime_id) on delete cascade,
  user_id text not null,
  signed_timestamp text not null,
  issued_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null,
  constraint codex_agent_tasks_signature_uq unique (agent_runtime_id, signed_timestamp)
);
create index codex_agent_tasks_use_idx on codex_auth.codex_agent_tasks (agent_runtime_id, last_used_at);
create index codex_agent_tasks_expiry_idx on codex_auth.codex_agent_tasks (expires_at);
comment on table codex_auth.codex_agent_tasks is 'one run of an executor; the CLI registers one at its start and cannot replace it while it runs';
comment on column codex_auth.codex_agent_tasks.signed_timestamp is 'what the CLI signed, as text: the same request sent again gets the same task';
comment on column codex_auth.codex_agent_tasks.last_used_at is 'of an assertion, to within an hour';
