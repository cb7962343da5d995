create or replace function core.reassign_conflict(
  p_conflict_id bigint,
  p_target_agent text,
  p_agent_name text,
  p_reason text,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_old public.conflicts;
  v_row public.conflicts;
  v_details jsonb;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_name('target_agent', p_target_agent);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('reason', p_reason);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reassign_conflict',
    jsonb_build_array(p_conflict_id, p_target_agent, p_agent_name, p_reason, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  perform core.lock_conflict_counter(v_workspace);
  v_old := core.lock_open_conflict(v_workspace, p_conflict_id);
  perform core.require_no_duplicate(v_old, p_target_agent);
  update public.conflicts as c set target_agent = p_target_agent
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  v_details := jsonb_build_object('from', v_old.target_agent, 'to', p_target_agent, 'reason', p_reason);
  perform core.write_conflict_event(v_row, 'reassigned', p_agent_name, v_details, p_execution_id);
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_reassigned',
    jsonb_build_object('conflict_id', p_conflict_id) || v_details,
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.reassign_conflict(
  conflict_id bigint,
  target_agent text,
  agent_name text,
  reason text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.reassign_conflict(conflict_id, target_agent, agent_name, reason, execution_id, request_id);
$$;

comment on function public.reassign_conflict(bigint, text, text, text, text, uuid) is
'Gives an open conflict another target, the agent that should resolve it, and returns its row.

Further reports to the old target are still counted on it. conflict_already_resolved if it is not open,
conflict_duplicate if the new target has an open one of the same source and key.';
