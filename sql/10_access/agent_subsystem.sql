-- skeleton, skeleton_agent and skeleton_designer all work on subsystem skeleton. The name _agent stays as it is.
create or replace function core.agent_subsystem(p_agent_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return regexp_replace(p_agent_name, '(.)_(agent|designer)$', '\1');
end;
$$;
