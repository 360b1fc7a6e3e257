create table codex_exec.app_gateways (
  gateway_name text constraint app_gateways_pkey primary key
    constraint app_gateways_name_length_chk check (length(gateway_name) between 1 and 128),
  gateway_url text not null,
  lease_expires_at timestamptz not null
);
comment on table codex_exec.app_gateways is
  'app-gateways that have other replicas; one whose lease is over counts as dead, by the clock of the database';
comment on column codex_exec.app_gateways.gateway_name is 'of the disk that holds what its app-servers keep: the same after a restart';

create table codex_exec.app_server_homes (
  workspace_id text constraint app_server_homes_pkey primary key
    constraint app_server_homes_workspace_length_chk check (length(workspace_id) between 1 and 128),
  gateway_name text not null,
  gateway_url text not null,
  epoch bigint not null default 1,
  lease_expires_at timestamptz not null
);
create index app_server_homes_gateway_idx on codex_exec.app_server_homes (gateway_name);
create index app_server_homes_lease_idx on codex_exec.app_server_homes (lease_expires_at);
comment on table codex_exec.app_server_homes is
  'which app-gateway has the app-server of a workspace, or had it last: what the app-server keeps lies on the disk there';
comment on column codex_exec.app_server_homes.epoch is
  'rises when another gateway takes the workspace over: whoever knows an older one has lost it';
comment on column codex_exec.app_server_homes.lease_expires_at is
  'until then nobody else may start an app-server for the workspace; no foreign key, since a gateway that is long dead is forgotten';
