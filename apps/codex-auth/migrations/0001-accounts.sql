create table codex_auth.users (
  id text constraint users_pkey primary key,
  email text not null constraint users_email_length_chk check (length(email) between 3 and 254),
  display_name text not null default '',
  role text not null default 'member' constraint users_role_chk check (role in ('admin', 'member')),
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
create unique index users_email_uq on codex_auth.users (lower(email));
comment on column codex_auth.users.disabled_at is 'from this moment no credential of the user is valid';

create table codex_auth.password_credentials (
  user_id text constraint password_credentials_pkey primary key
    constraint password_credentials_user_fkey references codex_auth.users (id) on delete cascade,
  password_hash text not null,
  changed_at timestamptz not null default now(),
  failed_attempts integer not null default 0,
  locked_until timestamptz
);
comment on column codex_auth.password_credentials.password_hash is 'argon2id in PHC string form';

create table codex_auth.sessions (
  id_digest bytea constraint sessions_pkey primary key,
  user_id text not null constraint sessions_user_fkey references codex_auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ip inet,
  user_agent text
);
create index sessions_user_idx on codex_auth.sessions (user_id);
create index sessions_expiry_idx on codex_auth.sessions (expires_at);
comment on column codex_auth.sessions.id_digest is 'SHA-256 of the cookie value';
comment on column codex_auth.sessions.expires_at is 'the absolute end; the idle end follows from last_seen_at';

create table codex_auth.workspaces (
  id text constraint workspaces_pkey primary key,
  name text not null constraint workspaces_name_length_chk check (length(name) between 1 and 100),
  created_at timestamptz not null default now()
);

create table codex_auth.workspace_members (
  workspace_id text not null constraint workspace_members_workspace_fkey references codex_auth.workspaces (id) on delete cascade,
  user_id text not null constraint workspace_members_user_fkey references codex_auth.users (id) on delete cascade,
  role text not null constraint workspace_members_role_chk check (role in ('owner', 'member')),
  created_at timestamptz not null default now(),
  constraint workspace_members_pkey primary key (workspace_id, user_id)
);
create index workspace_members_user_idx on codex_auth.workspace_members (user_id);
comment on table codex_auth.workspace_members is 'who may use a workspace; the Codex CLI calls a workspace an account';
