create or replace function core.reopen_conflict(
  p_conflict_id bigint,
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
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('reason', p_reason);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reopen_conflict',
    jsonb_build_array(p_conflict_id, p_agent_name, p_reason, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  perform core.lock_conflict_counter(v_workspace);
  v_old := core.lock_conflict(v_workspace, p_conflict_id);
  if v_old.status <> 'resolved' then
    perform core.fail(
      'conflict_not_resolved',
      jsonb_build_object('conflict_id', p_conflict_id, 'status', v_old.status),
      'It is open already; add a note if there is something to add.'
    );
  end if;
  perform core.require_no_duplicate(v_old, v_old.target_agent);
  -- The database opens its own conflict while a budget is exceeded. One that was reopened while none is exceeded would
  -- stay open until a status with amounts is written.
  if core.watched_subsystem(v_old) is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_id', 'reason', 'is about a budget, and belongs to the database',
        'value', p_conflict_id
      ),
      'The database opens the next one by itself when the budget is exceeded; log one of your own about anything else.'
    );
  end if;
  update public.conflicts as c
  set status = 'open', resolution = null, resolved_by = null, resolved_at = null
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  perform core.write_conflict_event(
    v_row, 'reopened', p_agent_name,
    jsonb_build_object(
      'reason', p_reason, 'resolution', v_old.resolution, 'resolved_by', v_old.resolved_by,
      'resolved_at', v_old.resolved_at
    ),
    p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_reopened',
    jsonb_build_object('conflict_id', p_conflict_id, 'reason', p_reason),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.reopen_conflict(
  conflict_id bigint,
  agent_name text,
  reason text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.reopen_conflict(conflict_id, agent_name, reason, execution_id, request_id);
$$;

comment on function public.reopen_conflict(bigint, text, text, text, uuid) is
'Opens a resolved conflict again, because its resolution did not hold, and returns its row. It blocks again whom it
blocked.

conflict_not_resolved if it is open; conflict_duplicate if another one of the same source, target and key is open.
invalid_argument for one about a budget (conflict_key sharedstate:...): the database opens and resolves those by itself.';
