-- A login is one trace although a browser and a client take turns in it: the request that ends it goes on where the one before was.
alter table codex_auth.codex_pkce_requests
  add column traceparent text;
comment on column codex_auth.codex_pkce_requests.traceparent is
  'the trace of the request that the code was issued for (W3C Trace Context), which the token request goes on with';

alter table codex_auth.codex_device_codes
  add column traceparent text;
comment on column codex_auth.codex_device_codes.traceparent is
  'the trace of the request that began the login (W3C Trace Context)';
