create table codex_auth.codex_remote_tokens (
  id text constraint codex_remote_tokens_pkey primary key,
  workspace_id text not null
    constraint codex_remote_tokens_workspace_fkey references codex_auth.workspaces (id) on delete cascade,
  user_id text not null constraint codex_remote_tokens_user_fkey references codex_auth.users (id) on delete cascade,
  name text not null constraint codex_remote_tokens_name_length_chk check (length(name) between 1 and 100),
  secret_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index codex_remote_tokens_workspace_idx on codex_auth.codex_remote_tokens (workspace_id, created_at);
create index codex_remote_tokens_user_idx on codex_auth.codex_remote_tokens (user_id, created_at);
create index codex_remote_tokens_expiry_idx on codex_auth.codex_remote_tokens (expires_at);
comment on table codex_auth.codex_remote_tokens is 'what codex --remote presents: ast_<id>_<secret>';
comment on column codex_auth.codex_remote_tokens.secret_hash is 'bcrypt';
comment on column codex_auth.codex_remote_tokens.last_used_at is 'best effort, to within a minute';
