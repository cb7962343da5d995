-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.get_active_conflicts(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  -- A variable, because in the query a generic plan would call the function for each conflict.
  v_names constant text[] := core.agent_names(p_agent_name);
begin
  -- An invalid name would find nothing, and the caller would take that for "no conflicts".
  perform core.require_optional_name('agent_name', p_agent_name);
  return query
  select c.* from public.conflicts as c
  where c.workspace = v_workspace
    and c.status = 'open'
    and (
      p_agent_name is null
      or c.source_agent = any(v_names) or c.target_agent = any(v_names) or c.blocks_agents && v_names
    )
  order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id;
end;
$$;

create or replace function public.get_active_conflicts(agent_name text default null)
returns setof public.conflicts
language sql
stable
set search_path = ''
as $$
  select * from core.get_active_conflicts(agent_name);
$$;

comment on function public.get_active_conflicts(text) is
'Open conflicts, most urgent first: by priority, severity, number.

With agent_name only those with that agent (or another of its subsystem: skeleton, skeleton_agent, skeleton_designer)
as source, target or blocked.';
