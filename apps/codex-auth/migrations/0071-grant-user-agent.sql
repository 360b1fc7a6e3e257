alter table codex_auth.oauth_grants add column user_agent text;
comment on column codex_auth.oauth_grants.user_agent is 'what the client that the grant was made for said that it is; null when it said nothing';
comment on column codex_auth.oauth_grants.ip is 'where the client that the grant was made for redeemed its code, or asked for its device code (RFC 8628); null when that is not known';
