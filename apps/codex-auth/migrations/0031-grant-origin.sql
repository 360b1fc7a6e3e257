alter table codex_auth.oauth_grants add column ip inet;
comment on column codex_auth.oauth_grants.ip is 'where the client that the grant was made for redeemed its code; null when that is not known';
