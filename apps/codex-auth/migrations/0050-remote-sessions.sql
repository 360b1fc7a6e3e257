create table codex_auth.remote_session_gateways (
  id uuid constraint remote_session_gateways_pkey primary key,
  seen_at timestamptz not null default now()
);
create index remote_session_gateways_seen_idx on codex_auth.remote_session_gateways (seen_at);
comment on table codex_auth.remote_session_gateways is 'one row for each run of an app-gateway; when it is not seen any more, its sessions count as ended';

create table codex_auth.remote_sessions (
  id uuid constraint remote_sessions_pkey primary key,
  gateway_id uuid not null
    constraint remote_sessions_gateway_fkey references codex_auth.remote_session_gateways (id) on delete cascade,
  workspace_id text not null
    constraint remote_sessions_workspace_fkey references codex_auth.workspaces (id) on delete cascade,
  user_id text not null constraint remote_sessions_user_fkey references codex_auth.users (id) on delete cascade,
  remote_token_id text,
  client_name text,
  client_version text,
  ip inet,
  user_agent text,
  opened_at timestamptz not null,
  closed_at timestamptz,
  close_code integer
);
create index remote_sessions_workspace_idx on codex_auth.remote_sessions (workspace_id, opened_at);
create index remote_sessions_user_idx on codex_auth.remote_sessions (user_id, opened_at);
create index remote_sessions_gateway_idx on codex_auth.remote_sessions (gateway_id);
create index remote_sessions_closed_idx on codex_auth.remote_sessions (closed_at);
comment on table codex_auth.remote_sessions is 'connections of codex --remote, as the app-gateways report them';
comment on column codex_auth.remote_sessions.remote_token_id is 'no foreign key: a gateway with another verifier has other tokens';
comment on column codex_auth.remote_sessions.client_name is 'what the client says of itself in initialize';
