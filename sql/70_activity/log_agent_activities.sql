create or replace function core.log_agent_activities(p_entries jsonb, p_execution_id text, p_request_id uuid)
returns setof public.agent_activity_logs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_rows public.agent_activity_logs[];
begin
  perform core.require_activities(p_entries);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_agent_activities', jsonb_build_array(p_entries, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_activity_logs, v_request.answer);
    return;
  end if;
  with written as (
    insert into public.agent_activity_logs as a (workspace, agent_name, activity, details, execution_id)
    select
      v_workspace, e.value ->> 'agent_name', e.value ->> 'activity', coalesce(e.value -> 'details', '{}'),
      p_execution_id
    from jsonb_array_elements(p_entries) with ordinality as e
    order by e.ordinality
    returning a.*
  )
  select array_agg(w::public.agent_activity_logs order by w.id) into v_rows from written as w;
  perform core.remember_request(v_request, to_jsonb(v_rows));
  return query select * from unnest(v_rows);
end;
$$;

create or replace function public.log_agent_activities(
  entries jsonb,
  execution_id text default null,
  request_id uuid default null
)
returns setof public.agent_activity_logs
language sql
set search_path = ''
as $$
  select * from core.log_agent_activities(entries, execution_id, request_id);
$$;

comment on function public.log_agent_activities(jsonb, text, uuid) is
'Adds 1 to 1000 entries to the activity log, all or none, and returns them in the same order.

entries: [{"agent_name": "skeleton_agent", "activity": "design_started", "details": {}}, ...]; details may be absent.';
