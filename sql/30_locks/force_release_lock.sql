create or replace function core.force_release_lock(
  p_resource_type text,
  p_resource_name text,
  p_released_by text,
  p_reason text,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_lease public.agent_locks;
begin
  perform core.require_name('resource_type', p_resource_type);
  perform core.require_name('resource_name', p_resource_name);
  perform core.require_agent('released_by', p_released_by);
  perform core.require_text('reason', p_reason);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'force_release_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_released_by, p_reason)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_locks, v_request.answer);
    return;
  end if;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
  returning l.* into v_lease;
  if not found then
    -- Remembered too: a repetition must not end a lease that was granted since.
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_released_by, 'lock_forced',
    jsonb_build_object(
      'resource_type', p_resource_type, 'resource_name', p_resource_name, 'locked_by', v_lease.locked_by,
      'fencing_token', v_lease.fencing_token, 'reason', p_reason
    ),
    v_lease.execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_lease));
  return next v_lease;
end;
$$;

create or replace function public.force_release_lock(
  resource_type text,
  resource_name text,
  released_by text,
  reason text,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.force_release_lock(resource_type, resource_name, released_by, reason, request_id);
$$;

comment on function public.force_release_lock(text, text, text, text, uuid) is
'For operators: ends somebody else''s lease. Its row, or nothing if the resource was free. Writes with its token are
refused from then on.';
