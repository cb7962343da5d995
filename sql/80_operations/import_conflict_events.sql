-- The events of a conflict that was just imported. One that comes without any was opened, and perhaps
-- resolved, by whom its own columns say.
create or replace function core.import_conflict_events(p_conflict public.conflicts, p_events jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  perform core.require_name('document.conflicts.events.agent_name', e.agent_name)
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, row_number() over (order by e.event_id), e.event, e.agent_name,
    coalesce(e.details, '{}'), coalesce(e.created_at, p_conflict.created_at), e.execution_id
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    return v_count;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 1, 'opened', p_conflict.source_agent,
    jsonb_build_object(
      'severity', p_conflict.severity, 'priority', p_conflict.priority, 'target_agent', p_conflict.target_agent,
      'description', p_conflict.description, 'details', p_conflict.details, 'blocks_agents', p_conflict.blocks_agents
    ),
    p_conflict.created_at, p_conflict.execution_id
  );
  if p_conflict.status = 'open' then
    return 1;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 2, 'resolved',
    coalesce(p_conflict.resolved_by, p_conflict.target_agent),
    jsonb_build_object('resolution', p_conflict.resolution), p_conflict.resolved_at
  );
  return 2;
end;
$$;
