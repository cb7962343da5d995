-- What every report leaves: an event with all that it said, and an entry in the activity log.
create or replace function core.write_report(
  p_conflict public.conflicts,
  p_event text,
  p_activity text,
  p_author text,
  p_execution_id text
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
begin
  perform core.write_conflict_event(
    p_conflict, p_event, p_author, core.report_of(p_conflict), p_execution_id
  );
  perform core.write_activity(
    p_conflict.workspace, p_author, p_activity,
    jsonb_build_object(
      'conflict_id', p_conflict.conflict_id, 'severity', p_conflict.severity, 'target', p_conflict.target_agent
    ),
    p_execution_id
  );
  return p_conflict;
end;
$$;
