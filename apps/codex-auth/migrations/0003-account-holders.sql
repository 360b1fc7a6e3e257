-- One home for two rules: which users count, and which of a user's workspaces is the account that the Codex CLI works for.
create view codex_auth.account_holders as
  select u.id as user_id, u.email, u.display_name, u.role, first_workspace.workspace_id,
         coalesce(first_workspace.role = 'owner', false) as is_owner
    from codex_auth.users u
    left join lateral (
           select m.workspace_id, m.role
             from codex_auth.workspace_members m
            where m.user_id = u.id
            order by m.created_at, m.workspace_id
            limit 1
         ) first_workspace on true
   where u.disabled_at is null;
comment on view codex_auth.account_holders is 'users that are not disabled, each with the workspace joined first: the account_id of the CLI';
