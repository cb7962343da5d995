-- What a conflict's report said, as the events of its history keep it.
create or replace function core.report_of(p_conflict public.conflicts)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'severity', p_conflict.severity, 'priority', p_conflict.priority, 'target_agent', p_conflict.target_agent,
    'description', p_conflict.description, 'details', p_conflict.details,
    'blocks_agents', p_conflict.blocks_agents
  );
end;
$$;
