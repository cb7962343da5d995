create or replace function core.renew_lock(
  p_resource_type text,
  p_resource_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_ttl_seconds integer,
  p_request_id uuid
)
returns public.agent_locks
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
    core.require_name('execution_id', p_execution_id),
    core.require_present('fencing_token', to_jsonb(p_fencing_token)),
    core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'renew_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_execution_id, p_fencing_token, p_ttl_seconds)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.agent_locks, v_request.answer);
  end if;
  update public.agent_locks as l
  set
    expires_at = clock_timestamp() + make_interval(secs => p_ttl_seconds),
    ttl_seconds = p_ttl_seconds,
    provisional = false
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
    and l.fencing_token = p_fencing_token and l.execution_id = p_execution_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    and l.expires_at > clock_timestamp()
  returning l.* into v_lease;
  if not found then
    select * into v_lease from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
      and l.expires_at > clock_timestamp();
    perform core.fail_lease_lost(p_resource_type, p_resource_name, p_fencing_token, v_lease);
  end if;
  perform core.remember_request(v_request, to_jsonb(v_lease));
  return v_lease;
end;
$$;

create or replace function public.renew_lock(
  resource_type text,
  resource_name text,
  execution_id text,
  fencing_token bigint,
  ttl_seconds integer default 300,
  request_id uuid default null
)
returns public.agent_locks
language sql
set search_path = ''
as $$
  select core.renew_lock(resource_type, resource_name, execution_id, fencing_token, ttl_seconds, request_id);
$$;

comment on function public.renew_lock(text, text, text, bigint, integer, uuid) is
'Extends a lease to ttl_seconds from now and returns its row; lease_lost if it has ended. Confirms a provisional one.';
