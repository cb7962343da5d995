-- Whether a conflict has an agent of this subsystem as source, target or blocked.
create or replace function core.concerns_subsystem(p_conflict public.conflicts, p_subsystem text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return exists (
    select from unnest(p_conflict.blocks_agents || p_conflict.source_agent || p_conflict.target_agent) as a (name)
    where core.agent_subsystem(a.name) = p_subsystem
  );
end;
$$;
