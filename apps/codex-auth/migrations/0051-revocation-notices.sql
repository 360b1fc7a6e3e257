-- Told by the table itself, so that no way to end an access is silent, also not one by hand. There is no token in a notice.
create function codex_auth.notify_access_ended() returns trigger language plpgsql as $$
declare
  gone jsonb;
  notice json;
begin
  -- As jsonb: what the row of one table has, that of another has not.
  gone := to_jsonb(old);
  notice := case tg_table_name
    when 'users' then json_build_object('user_id', gone ->> 'id')
    when 'workspace_members' then
      json_build_object('user_id', gone ->> 'user_id', 'workspace_id', gone ->> 'workspace_id')
    else
      json_build_object(
        'user_id', gone ->> 'user_id', 'workspace_id', gone ->> 'workspace_id', 'remote_token_id', gone ->> 'id')
  end;
  perform pg_notify('codex_auth_access_ended', notice::text);
  return null;
end
$$;

create trigger remote_token_revoked after update of revoked_at on codex_auth.codex_remote_tokens
  for each row when (old.revoked_at is null and new.revoked_at is not null)
  execute function codex_auth.notify_access_ended();
create trigger remote_token_deleted after delete on codex_auth.codex_remote_tokens
  for each row when (old.revoked_at is null and old.expires_at > now())
  execute function codex_auth.notify_access_ended();
create trigger workspace_member_removed after delete on codex_auth.workspace_members
  for each row execute function codex_auth.notify_access_ended();
create trigger user_disabled after update of disabled_at on codex_auth.users
  for each row when (old.disabled_at is null and new.disabled_at is not null)
  execute function codex_auth.notify_access_ended();
