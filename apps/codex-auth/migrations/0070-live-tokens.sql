-- One home for the rule of which tokens are live: not revoked, their grant neither, their user not disabled. What has expired is for the
-- query to say, since the clock is the service's.
create view codex_auth.live_access_tokens as
  select t.jti_digest, t.grant_id, g.client_id, g.user_id, u.email, u.display_name, u.role, t.scope, t.issued_at, t.expires_at
    from codex_auth.codex_access_tokens t
    join codex_auth.oauth_grants g on g.id = t.grant_id
    join codex_auth.users u on u.id = g.user_id
   where t.revoked_at is null
     and g.revoked_at is null
     and u.disabled_at is null;
comment on view codex_auth.live_access_tokens is 'access tokens that nobody has ended, each with its holder; compare expires_at with the clock';

create view codex_auth.live_refresh_tokens as
  select t.token_digest, t.grant_id, g.client_id, g.user_id, u.email, g.scope, t.issued_at, least(t.expires_at, g.expires_at) as expires_at
    from codex_auth.codex_refresh_tokens t
    join codex_auth.oauth_grants g on g.id = t.grant_id
    join codex_auth.users u on u.id = g.user_id
   where t.spent_at is null
     and g.revoked_at is null
     and u.disabled_at is null;
comment on view codex_auth.live_refresh_tokens is 'refresh tokens that nobody has spent or ended, each with its holder; compare expires_at with the clock';
