alter table codex_exec.replicas add column host_name text;
comment on column codex_exec.replicas.host_name is
  'of the machine or container; two processes of one host cannot listen at one address, those of several may share a name in front of them';
