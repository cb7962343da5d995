create or replace function core.log_conflict(
  p_severity text,
  p_source text,
  p_target text,
  p_description text,
  p_details jsonb,
  p_priority integer,
  p_blocks text[],
  p_execution_id text,
  p_conflict_key text,
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
  v_row public.conflicts;
begin
  if p_severity is null or p_severity not in ('low', 'medium', 'high', 'critical') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'severity', 'reason', 'is unknown', 'value', left(p_severity, 200)),
      'Use low, medium, high or critical.'
    );
  end if;
  perform core.require_agent('source', p_source);
  perform core.require_name('target', p_target);
  perform core.require_text('description', p_description);
  if p_details is not null then
    perform core.require_object('details', p_details);
  end if;
  perform core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  perform core.require_names('blocks', p_blocks);
  perform core.require_optional_name('execution_id', p_execution_id);
  -- The database's own keys: it would overwrite and resolve an agent's conflict that had one of them.
  if starts_with(p_conflict_key, 'sharedstate:') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_key', 'reason', 'belongs to the database', 'value', left(p_conflict_key, 200)
      ),
      'Use a key that does not begin with sharedstate:'
    );
  elsif p_conflict_key is not null then
    perform core.require_label('conflict_key', p_conflict_key);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_conflict',
    jsonb_build_array(
      p_severity, p_source, p_target, p_description, p_details, p_priority, p_blocks, p_execution_id,
      p_conflict_key
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  v_row := core.report_conflict(
    v_workspace, p_severity, p_priority, p_source, p_target, p_conflict_key, p_description, p_details,
    p_blocks, p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.log_conflict(
  severity text,
  source text,
  target text,
  description text,
  details jsonb default null,
  priority integer default 3,
  blocks text[] default null,
  execution_id text default null,
  conflict_key text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.log_conflict(
    severity, source, target, description, details, priority, blocks, execution_id, conflict_key, request_id
  );
$$;

comment on function public.log_conflict(text, text, text, text, jsonb, integer, text[], text, text, uuid) is
'Opens a conflict and returns its row with the number that was given to it.

severity: low, medium, high or critical; priority: 1 (first) to 4 (last); blocks: agents that should wait until it is
resolved. With a conflict_key (1 to 200 characters; those that begin with sharedstate: are the database''s own) a report
of the same source, target and key is counted on the one that is open, which takes all that is new in it, and is
returned. Without details or blocks it leaves those that the open one has; {} or [] empties them.';
