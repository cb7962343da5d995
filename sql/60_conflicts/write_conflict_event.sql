-- The caller holds the conflict's row, under which its events are numbered.
create or replace function core.write_conflict_event(
  p_conflict public.conflicts,
  p_event text,
  p_agent_name text,
  p_details jsonb,
  p_execution_id text
)
returns public.conflict_events
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflict_events;
begin
  insert into public.conflict_events as e (
    workspace, conflict_id, event_id, event, agent_name, details, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, coalesce(max(k.event_id), 0) + 1, p_event, p_agent_name,
    p_details, p_execution_id
  from public.conflict_events as k
  where k.workspace = p_conflict.workspace and k.conflict_id = p_conflict.conflict_id
  returning e.* into v_row;
  return v_row;
end;
$$;
