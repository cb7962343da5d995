-- Checks the entries. Unknown keys are refused: else a misspelt one would be lost without an error.
create or replace function core.require_activities(p_entries jsonb)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_entry jsonb;
  v_place text;
  v_key text;
begin
  if jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) not between 1 and 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'entries', 'reason', 'is no list of 1 to 1000 entries'),
      'Send a list such as [{"agent_name": "skeleton_agent", "activity": "design_started", "details": {}}].'
    );
  end if;
  for v_entry, v_place in
    select e.value, 'entries.' || (e.ordinality - 1) from jsonb_array_elements(p_entries) with ordinality as e
  loop
    perform core.require_object(v_place, v_entry);
    for v_key in select k.key from jsonb_each(v_entry) as k loop
      if v_key not in ('agent_name', 'activity', 'details')
        or v_key <> 'details' and jsonb_typeof(v_entry -> v_key) <> 'string' then
        perform core.fail(
          'invalid_argument',
          jsonb_build_object('argument', v_place || '.' || v_key, 'reason', 'is unknown or no text'),
          'An entry has agent_name and activity, both text, and perhaps details, an object.'
        );
      end if;
    end loop;
    perform core.require_agent(v_place || '.agent_name', v_entry ->> 'agent_name');
    perform core.require_label(v_place || '.activity', v_entry ->> 'activity');
    perform core.require_object(v_place || '.details', coalesce(v_entry -> 'details', '{}'));
  end loop;
  return true;
end;
$$;

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
