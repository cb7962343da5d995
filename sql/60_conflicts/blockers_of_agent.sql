-- The open conflicts that block an agent under any name of its subsystem, most urgent first.
create or replace function core.blockers_of_agent(p_workspace text, p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
set search_path = ''
as $$
declare
  -- Found once: a plan that is kept would find them for each conflict anew.
  v_names constant text[] := core.agent_names(p_agent_name);
begin
  return query
  select c.* from public.conflicts as c
  where c.workspace = p_workspace
    and c.status = 'open'
    and c.blocks_agents <> '{}'
    and c.blocks_agents && v_names
  order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id;
end;
$$;
