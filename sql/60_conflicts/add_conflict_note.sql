create or replace function core.add_conflict_note(
  p_conflict_id bigint,
  p_agent_name text,
  p_note text,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflict_events
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.conflict_events;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('note', p_note);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'add_conflict_note',
    jsonb_build_array(p_conflict_id, p_agent_name, p_note, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflict_events, v_request.answer);
  end if;
  v_row := core.write_conflict_event(
    core.lock_conflict(v_workspace, p_conflict_id), 'note', p_agent_name,
    jsonb_build_object('note', p_note), p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_noted',
    jsonb_build_object('conflict_id', p_conflict_id, 'event_id', v_row.event_id),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.add_conflict_note(
  conflict_id bigint,
  agent_name text,
  note text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflict_events
language sql
set search_path = ''
as $$
  select core.add_conflict_note(conflict_id, agent_name, note, execution_id, request_id);
$$;

comment on function public.add_conflict_note(bigint, text, text, text, uuid) is
'Adds a note (1 to 10000 characters) to the history of a conflict, open or resolved, and returns that entry;
unknown_conflict otherwise.';
