-- A read: runs with the caller's rights. The workspace is named all the same, because an operator's
-- role is not bound by row level security.
create or replace function public.get_active_conflicts(agent_name text default null)
returns setof public.conflicts
language sql
stable
set search_path = ''
as $$
  select c.* from public.conflicts as c
  where c.workspace = core.current_workspace()
    and c.status = 'open'
    and (
      get_active_conflicts.agent_name is null
      or core.concerns_subsystem(c, core.agent_subsystem(get_active_conflicts.agent_name))
    )
  order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id;
$$;

comment on function public.get_active_conflicts(text) is
'Open conflicts, most urgent first: by priority, severity, number.

With agent_name only those with that agent (or another of its subsystem: skeleton, skeleton_agent, skeleton_designer)
as source, target or blocked.';
