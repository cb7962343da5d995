-- One rule for every name: workspaces, subsystems, agents, resources, executions. ASCII, because
-- names travel in HTTP headers, file names and shell commands.
create or replace function core.is_name(p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_name ~ '^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}$', false);
end;
$$;

comment on function core.is_name(text) is
'True for 1 to 128 characters of A-Z a-z 0-9 _ . : @ / - that start with a letter or digit.';
