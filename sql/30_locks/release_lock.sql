create or replace function core.release_lock(
  p_resource_type text,
  p_resource_name text,
  p_execution_id text,
  p_fencing_token bigint,
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
  perform
    core.require_name('resource_type', p_resource_type),
    core.require_name('resource_name', p_resource_name),
    core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_execution_id, p_fencing_token)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_locks, v_request.answer);
    return;
  end if;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
    and l.execution_id = p_execution_id
    and l.fencing_token = coalesce(p_fencing_token, l.fencing_token)
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
  returning l.* into v_lease;
  if v_lease.expires_at > clock_timestamp() then
    perform core.remember_request(v_request, jsonb_build_array(v_lease));
    return next v_lease;
    return;
  elsif v_lease.expires_at is not null then
    -- It had expired already. The answer is not "released", or the caller would not learn that.
    perform core.write_lock_lost(v_lease, 'expired before its release');
  end if;
  -- Remembered too: a repetition must not end a lease that was granted since.
  perform core.remember_request(v_request, '[]');
end;
$$;

create or replace function public.release_lock(
  resource_type text,
  resource_name text,
  execution_id text,
  fencing_token bigint default null,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.release_lock(resource_type, resource_name, execution_id, fencing_token, request_id);
$$;

comment on function public.release_lock(text, text, text, bigint, uuid) is
'Gives a lease back: its row, or nothing (an empty list) if this execution did not hold it or it had lapsed.';
