-- Which agents an open conflict blocks.
--
-- A conflict names agents in blocks_agents. It blocks all agents of their subsystems: power, power_agent and
-- power_designer are the same to it. blocked_by, is_blocked and wait_until_unblocked tell of all such conflicts.
-- checkout_subsystem refuses if one of them is critical.
--
-- Reads without locks: a conflict may be opened right after the answer. checkout_subsystem looks again when it has
-- locked the fencing counter.

-- The names under which the agents of one subsystem work.
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

-- The open conflicts that block an agent, most urgent first.
create or replace function core.blockers_of_agent(p_workspace text, p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
set search_path = ''
as $$
declare
  -- A variable, because in the query a generic plan would call the function for each conflict.
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

-- The critical ones among them, which keep an agent from checking anything out.
create or replace function core.critical_blockers(p_workspace text, p_agent_name text)
returns public.conflicts[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select b from core.blockers_of_agent(p_workspace, p_agent_name) as b where b.severity = 'critical'
  );
end;
$$;
