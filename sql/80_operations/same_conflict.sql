create or replace function core.same_conflict(p_one public.conflicts, p_other public.conflicts)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.severity, p_one.priority, p_one.source_agent, p_one.target_agent, p_one.description, p_one.details,
    p_one.blocks_agents, p_one.status, p_one.resolution, p_one.conflict_key,
    p_one.reported_to, p_one.reports
  ) is not distinct from (
    p_other.severity, p_other.priority, p_other.source_agent, p_other.target_agent, p_other.description,
    p_other.details, p_other.blocks_agents, p_other.status, p_other.resolution, p_other.conflict_key,
    p_other.reported_to, p_other.reports
  );
end;
$$;
