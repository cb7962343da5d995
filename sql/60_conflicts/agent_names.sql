-- The names under which the agents of one subsystem work: power, power_agent and power_designer.
create or replace function core.agent_names(p_agent_name text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_subsystem constant text := core.agent_subsystem(p_agent_name);
begin
  -- a_agent_agent works on a_agent; an agent of the name a_agent does not.
  return array(
    select n.name from unnest(array[v_subsystem, v_subsystem || '_agent', v_subsystem || '_designer']) as n (name)
    where core.agent_subsystem(n.name) = v_subsystem
  );
end;
$$;
