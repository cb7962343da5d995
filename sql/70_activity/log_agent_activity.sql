create or replace function core.log_agent_activity(
  p_agent_name text,
  p_activity text,
  p_details jsonb,
  p_execution_id text,
  p_request_id uuid
)
returns public.agent_activity_logs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.agent_activity_logs;
begin
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_label('activity', p_activity);
  perform core.require_object('details', p_details);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_agent_activity',
    jsonb_build_array(p_agent_name, p_activity, p_details, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.agent_activity_logs, v_request.answer);
  end if;
  v_row := core.write_activity(v_workspace, p_agent_name, p_activity, p_details, p_execution_id);
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.log_agent_activity(
  agent_name text,
  activity text,
  details jsonb default '{}',
  execution_id text default null,
  request_id uuid default null
)
returns public.agent_activity_logs
language sql
set search_path = ''
as $$
  select core.log_agent_activity(agent_name, activity, details, execution_id, request_id);
$$;

comment on function public.log_agent_activity(text, text, jsonb, text, uuid) is
'Adds an entry to the activity log and returns it.';
