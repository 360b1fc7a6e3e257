create table codex_exec.workspace_executors (
  workspace_id text not null,
  exe_id text not null
    constraint workspace_executors_executor_fkey references codex_exec.executors (exe_id) on delete cascade,
  name text not null constraint workspace_executors_name_length_chk check (length(name) between 1 and 200),
  description text not null default ''
    constraint workspace_executors_description_length_chk check (length(description) <= 2000),
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workspace_executors_pkey primary key (workspace_id, exe_id)
);
create index workspace_executors_executor_idx on codex_exec.workspace_executors (exe_id);
create unique index workspace_executors_one_default_uq on codex_exec.workspace_executors (workspace_id) where is_default;
comment on table codex_exec.workspace_executors is 'which executors a workspace may reach, and by what name';
