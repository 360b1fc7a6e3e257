create table codex_auth.rate_limits (
  key varchar(255) constraint rate_limits_pkey primary key,
  points integer not null default 0,
  expire bigint
);
create index rate_limits_expiry_idx on codex_auth.rate_limits (expire);
comment on table codex_auth.rate_limits is 'counters of rate-limiter-flexible, whose column names these are; expire is epoch milliseconds';
