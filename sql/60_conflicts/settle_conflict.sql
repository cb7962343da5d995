-- Resolves an open conflict and returns its row; says why when it is not open. p_details is for the history.
create or replace function core.settle_conflict(
  p_workspace text,
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_execution_id text,
  p_details jsonb default '{}'
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  update public.conflicts as c
  set
    status = 'resolved',
    resolution = p_resolution,
    resolved_by = p_resolved_by,
    resolved_at = clock_timestamp()
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id and c.status = 'open'
  returning c.* into v_row;
  if not found then
    perform core.fail_not_open(p_workspace, p_conflict_id);
  end if;
  perform core.write_conflict_event(
    v_row, 'resolved', p_resolved_by, jsonb_build_object('resolution', p_resolution) || p_details, p_execution_id
  );
  perform core.write_activity(
    p_workspace, p_resolved_by, 'conflict_resolved',
    jsonb_build_object('conflict_id', p_conflict_id, 'resolution', p_resolution),
    p_execution_id
  );
  return v_row;
end;
$$;
