-- Where a page begins. An unknown entry is an error, because an empty page would read as the log's end.
create or replace function core.time_of_activity(p_workspace text, p_id bigint)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_time timestamptz;
begin
  select a."timestamp" into v_time from public.agent_activity_logs as a
  where a.id = p_id and a.workspace = p_workspace;
  if not found then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'before_id', 'reason', 'names no entry of the log', 'value', p_id),
      'Use the id of an entry that was read. If it was pruned since, so was all that came before it.'
    );
  end if;
  return v_time;
end;
$$;
